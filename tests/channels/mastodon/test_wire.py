"""Where a read may be sent on to with its token."""

from __future__ import annotations

import pytest

from automation.channels.mastodon import wire

HERE = "https://social.example/api/v1/accounts"


@pytest.mark.parametrize(
    ("url", "target", "follows"),
    [
        (HERE, "https://social.example/api/v2/accounts", True),
        ("http://social.example/a", "https://social.example/a", True),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/b", True),
        (HERE, "http://social.example/a", False),
        (HERE, "https://social.example:8443/a", False),
        ("http://social.example/a", "https://social.example:8443/a", False),
        (HERE, "https://elsewhere.example/a", False),
        (HERE, "https://social.example.evil.example/a", False),
    ],
)
def test_token_goes_along_to_the_same_place_only(url: str, target: str, follows: bool) -> None:
    assert wire._is_same_place(url, target) is follows
