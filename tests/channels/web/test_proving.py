"""What a list proves about a text that may have been written, and how pages write numbers and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automation.channels.base import Proof
from automation.channels.web import proving, shapes
from automation.channels.web.site import Listing, Locate, Take, WrittenAct
from automation.channels.web.values import link, moment, number, squash

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEXT = "Hello Ada, shall we talk about bread?"


@pytest.fixture(autouse=True)
def desk() -> None:
    """No browser is needed here."""


def judged(*items: tuple[float, str], complete: bool = True, authoritative: bool = True) -> Proof:
    """The proof by items of (seconds after the start, text)."""
    shows = Listing(Locate(css="li"), {"at": Take()})
    act = WrittenAct("/", {}, Locate(css="b"), shows, authoritative=authoritative)
    found: list[dict[str, Any]] = [
        {"id": f"i{number}", "text": text, "at": (START + timedelta(seconds=after)).isoformat()}
        for number, (after, text) in enumerate(items)
    ]
    return proving.judge(
        act, found, texts=[TEXT], started_at=START, clock=10, complete=complete, page="https://a.de"
    ).proof


@pytest.mark.parametrize(
    ("items", "proof"),
    [
        ([(5, TEXT)], Proof.PRESENT),
        ([(5, f"  {TEXT.replace(' ', chr(10))} ")], Proof.PRESENT),
        ([(-5, TEXT)], Proof.PRESENT),  # within what the site's clock may be wrong
        ([(-60, TEXT)], Proof.NONE),  # the same words shortly before: another act's, or a clock that is wrong
        ([(-3600, TEXT)], Proof.ABSENT),
        ([(5, TEXT[:-8] + "…")], Proof.NONE),  # shortened, maybe by the site
        ([(5, TEXT[:9] + "…")], Proof.NONE),  # much shortened
        ([(5, f"You: {TEXT.upper()} (sent)")], Proof.NONE),  # dressed up
        ([(5, TEXT.replace("Ada, ", "@ada "))], Proof.NONE),
        ([(5, "")], Proof.NONE),  # a picture, or a text that is still being loaded
        ([(5, "Hello Ada, thanks for coming to our stand.")], Proof.ABSENT),  # another one that begins alike
        ([(-60, "Hello Ada, thanks for coming to our stand.")], Proof.ABSENT),
        ([(5, "Something else altogether, 1234567890")], Proof.ABSENT),
        ([], Proof.ABSENT),
    ],
)
def test_list_proves(items: list[tuple[float, str]], proof: Proof) -> None:
    assert judged(*items) is proof


def test_long_text_of_which_a_list_shows_the_first_line_is_not_absent() -> None:
    text = " ".join(f"{number} loaves of bread were baked on day {number * 7}." for number in range(60))
    shows = Listing(Locate(css="li"), {"at": Take()})
    act = WrittenAct("/", {}, Locate(css="b"), shows, authoritative=True)
    item = {"id": "1", "text": f"{text[:60]}… Read more", "at": (START + timedelta(seconds=5)).isoformat()}
    found = proving.judge(act, [item], texts=[text], started_at=START, clock=10, complete=True, page="")
    assert found.proof is Proof.NONE


def test_absence_needs_a_whole_list_of_a_site_that_vouches_for_it() -> None:
    assert judged(complete=False) is Proof.NONE
    assert judged(authoritative=False) is Proof.NONE
    assert judged((5, TEXT), complete=False, authoritative=False) is Proof.PRESENT


def test_time_that_cannot_be_read_proves_nothing() -> None:
    act = WrittenAct("/", {}, Locate(css="b"), Listing(Locate(css="li"), {"at": Take()}), authoritative=True)
    items = [{"id": "1", "text": TEXT, "at": "2 min ago"}]
    found = proving.judge(act, items, texts=[TEXT], started_at=START, clock=10, complete=True, page="")
    assert found.proof is Proof.NONE


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234 followers", 1234), ("1.234", 1234), ("1.2K", 1200), ("3,4 M", 3_400_000), ("12", 12), ("none", None),
     ("1 234 posts", 1234), ("15k likes", 15_000), ("0 likes", 0)],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, value: int | None) -> None:
    assert number(text) == value


def test_times_are_read_in_the_zone_of_the_site() -> None:
    take = Take(format="%d.%m.%Y %H:%M", zone="Europe/Berlin")
    assert moment("22.11.2026 13:00", take) == START
    assert moment("2026-11-22T12:00:00Z", Take()) == START
    assert moment("yesterday", Take()) is None


def test_links_lead_to_the_web_only() -> None:
    assert link("https://a.de/x/", "y") == "https://a.de/x/y"
    assert link("https://a.de", "javascript:alert(1)") == ""
    assert link("https://a.de", "") == ""


def test_texts_that_look_alike_are_the_same() -> None:
    assert squash("Cafe\u0301 \n au lait") == squash("Caf\u00e9 au\u00a0lait")


def test_bookmark_goes_on_where_it_was_cut_short() -> None:
    mark = shapes.Bookmark("m9", "https://a.de/?page=6", "m1")
    assert shapes.Bookmark.read(mark.write()) == mark
    assert mark.stop == "m1"
    assert shapes.Bookmark("m9").stop == "m9"
    for nonsense in ("", "{", "[]", "7", '{"mark": {}}'):
        assert isinstance(shapes.Bookmark.read(nonsense), shapes.Bookmark)
