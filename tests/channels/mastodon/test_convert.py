"""Handles, texts and times as the servers of the family write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from automation.channels.line import moment
from automation.channels.mastodon import convert
from automation.channels.mastodon.reading import _order


@pytest.mark.parametrize(
    ("acct", "domain", "full"),
    [
        ("ann", "example.org", "ann@example.org"),
        ("ann@other.example", "example.org", "ann@other.example"),
        ("@ann", "example.org", "ann@example.org"),
        ("ann", "localhost:3000", "ann"),
        ("ann@localhost:3000", "localhost:3000", "ann"),
        ("ann", "127.0.0.1", "ann"),
        ("ann", "", "ann"),
    ],
)
def test_handle_names_its_server_where_that_means_something(acct: str, domain: str, full: str) -> None:
    assert convert.full_handle(acct, domain) == full


@pytest.mark.parametrize(
    ("handle", "local"),
    [
        ("ann@example.org", "ann"),
        ("@ann@Example.org", "ann"),
        ("ann", "ann"),
        ("@ann@other.example", "ann@other.example"),
    ],
)
def test_own_users_are_short_on_their_server(handle: str, local: str) -> None:
    assert convert.local_handle(handle, "example.org") == local


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br/>Three</p>", "One\n\nTwo\nThree"),
        ("<p>1 &lt; 2 &amp; 3</p>", "1 < 2 & 3"),
        (
            '<p>See <a href="x"><span class="invisible">https://</span>example.org</a></p>',
            "See https://example.org",
        ),
        ("<script>alert(1)</script><p>Hi</p>", "Hi"),
        ("plain\nlines", "plain\nlines"),
        ("", ""),
        (None, ""),
    ],
)
def test_html_becomes_the_text_people_read(html: str | None, text: str) -> None:
    assert convert.text_of(html) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@ann hello", "hello"),
        ("@ann@example.org @bob  hello @carl", "hello @carl"),
        ("hello @ann", "hello @ann"),
        ("@ann", ""),
        ("@ann, hello", "@ann, hello"),
    ],
)
def test_names_a_reply_begins_with_are_left_out(text: str, rest: str) -> None:
    assert convert.without_leading_mentions(text) == rest


def test_fingerprint_ignores_what_servers_change_and_nothing_else() -> None:
    assert convert.fingerprint("@ann@example.org *Hi*,  “you”") == convert.fingerprint('@ann Hi, "you"')
    assert convert.fingerprint("Hi 1") != convert.fingerprint("Hi 2")
    assert convert.fingerprint("🎉") != convert.fingerprint("👍")
    assert convert.fingerprint("?!") != convert.fingerprint("...")


@pytest.mark.parametrize(
    "written",
    ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", "Sun, 01 Mar 2026 12:00:00 GMT", "1772366400"],
)
def test_times_are_read_in_every_form(written: str) -> None:
    assert moment(written) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "soon", "99999999999999999999"])
def test_times_that_are_none_are_none(written: str) -> None:
    assert moment(written) is None


def test_ids_are_ordered_as_numbers_or_letters() -> None:
    assert sorted(["10", "9", "100"], key=_order) == ["9", "10", "100"]
    older, newer = "01HZX8V7Q0000000000000000A", "01HZX8V7Q0000000000000000B"
    assert _order("") < _order("0") < _order(older) < _order(newer)


def test_fields_that_servers_leave_out_are_not_needed() -> None:
    assert convert.profile_of({"id": "01HZ", "acct": "ann"}, "example.org").followers_count is None
    assert convert.inbound_of({"type": "mention", "status": None}, "example.org") is None
    assert (
        convert.inbound_of({"type": "favourite", "status": {"id": 1}, "account": {"acct": "ann"}}, "x.org")
        is None
    )
    note = {
        "type": "mention",
        "status": {"id": 7, "visibility": "direct", "content": "<p>Hi</p>"},
        "account": {"acct": "ann"},
    }
    found = convert.inbound_of(note, "example.org")
    assert found is not None
    assert (found.remote_id, found.kind, found.handle, found.text) == ("7", "dm", "ann@example.org", "Hi")
