"""What anybody may have written into a record is read without trusting it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from automation.channels.bluesky import convert, session
from automation.channels.bluesky.session import Session


def facet(start: Any, end: Any, uri: Any) -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": uri}]}


def test_links_are_read_whole() -> None:
    text = "Zoë: example.org/a… and example.com"
    start = text.encode().index(b"example.org")
    last = text.encode().index(b"example.com")
    facets = [
        facet(start, start + 16, "https://example.org/a/b"),
        facet(last, last + 11, "https://example.com"),
    ]
    read = convert.text_of({"text": text, "facets": facets})
    assert read == "Zoë: https://example.org/a/b and https://example.com"


@pytest.mark.parametrize(
    "facets",
    [
        None, "x", [None], [{}], [facet(0, 99, "https://a.b")], [facet(3, 1, "https://a.b")], [facet("0", None, "u")],
        [facet(-1, 2, "https://a.b")], [facet(0, 2, 7)],
    ],
)  # fmt: skip
def test_broken_facets_change_nothing(facets: Any) -> None:
    assert convert.text_of({"text": "Hello", "facets": facets}) == "Hello"


@pytest.mark.parametrize("record", [None, [], {"text": None}, {"text": 5}, {"langs": "en"}])
def test_broken_records_are_read_as_empty(record: Any) -> None:
    found = convert.post_of({"uri": "at://did:plc:a/app.bsky.feed.post/1", "record": record})
    assert (found.text, found.language) == ("", "")


def test_account_whose_handle_leads_nowhere_is_known_by_its_identity() -> None:
    assert convert.profile_of({"did": "did:plc:a", "handle": "handle.invalid"}).handle == "did:plc:a"


def test_tokens_go_to_another_server_only_by_https() -> None:
    answer = {"did": "d", "handle": "h", "accessJwt": "a", "refreshJwt": "r"}

    def server(endpoint: str, asked: str) -> str:
        document = {"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]}
        return session.read({**answer, "didDoc": document}, asked).server

    assert server("https://pds.example.org/", "https://bsky.social") == "https://pds.example.org"
    assert server("http://pds.example.org", "https://bsky.social") == "https://bsky.social"
    assert server("ftp://pds.example.org", "https://bsky.social") == "https://bsky.social"


@pytest.mark.parametrize(
    "kept", [None, "canary", {}, {"did": "d"}, dict.fromkeys(Session.__dataclass_fields__, 1)]
)
def test_what_is_no_session_is_none(kept: Any) -> None:
    assert session.stored({"session": kept}) is None


def test_package_announces_itself_without_loading_the_client() -> None:
    code = "import sys, automation.channels.bluesky; sys.exit('atproto_client' in sys.modules or 'regex' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
