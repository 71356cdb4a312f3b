"""The inbox: oldest first, whole, and nothing twice, whatever the order in which the network learns of things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from automation.channels.bluesky import inbox
from automation.channels.bluesky.channel import BlueskyChannel
from tests.channels.bluesky.pds import Pds
from tests.channels.contract import read_inbox

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def notify(pds: Pds, number: int, *, at: datetime, reason: str = "reply") -> None:
    """Somebody wrote to ada at that time."""
    pds.people.setdefault("grace.test", "did:plc:grace")
    record = {"text": f"Number {number}", "createdAt": at.isoformat()}
    pds.notified.setdefault(pds.people["ada.test"], []).append(
        {
            "uri": f"at://did:plc:grace/app.bsky.feed.post/{number}", "reason": reason, "record": record,
            "author": {"did": "did:plc:grace", "handle": "grace.test"}, "indexedAt": at.isoformat(),
        }
    )  # fmt: skip


def texts(channel: BlueskyChannel, since: str = "") -> tuple[list[str], str]:
    messages, cursor = read_inbox(channel, since)
    return [message.text for message in messages], cursor


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAGE", 3)
    monkeypatch.setattr(inbox, "PAGES_A_CALL", 2)


@pytest.mark.parametrize("many", [0, 1, 3, 4, 7, 20])
def test_backlog_of_any_length_is_read_oldest_first(
    pds: Pds, ada: BlueskyChannel, small_pages: None, many: int
) -> None:
    for number in range(many):
        notify(pds, number, at=BEGIN + timedelta(hours=2 * number))
    found, cursor = texts(ada)
    assert found == [f"Number {number}" for number in range(many)]
    assert texts(ada, cursor) == ([], cursor) if many <= 1 else texts(ada, cursor)[0] == []


def test_what_comes_during_a_long_reading_is_read_next(
    pds: Pds, ada: BlueskyChannel, small_pages: None
) -> None:
    for number in range(8):
        notify(pds, number, at=BEGIN + timedelta(hours=2 * number))
    first = ada.inbox("")
    notify(pds, 8, at=BEGIN + timedelta(hours=40))
    rest, cursor = texts(ada, first.cursor)
    late, _ = texts(ada, cursor)
    assert [message.text for message in first.messages] + rest + late == [f"Number {n}" for n in range(9)]


def test_one_the_network_learnt_of_late_is_not_lost(pds: Pds, ada: BlueskyChannel) -> None:
    notify(pds, 1, at=BEGIN)
    notify(pds, 3, at=BEGIN + timedelta(minutes=10))
    found, cursor = texts(ada)
    assert found == ["Number 1", "Number 3"]
    notify(pds, 2, at=BEGIN + timedelta(minutes=5))
    assert texts(ada, cursor)[0] == ["Number 2"]


def test_what_is_no_message_is_passed(pds: Pds, ada: BlueskyChannel) -> None:
    notify(pds, 1, at=BEGIN, reason="like")
    notify(pds, 2, at=BEGIN + timedelta(minutes=1), reason="quote")
    assert texts(ada)[0] == ["Number 2"]


def test_cursor_stays_small(pds: Pds, ada: BlueskyChannel) -> None:
    cursor = ""
    for day in range(5):
        for number in range(60):
            notify(pds, day * 100 + number, at=BEGIN + timedelta(days=day, minutes=number))
        found, cursor = texts(ada, cursor)
        assert len(found) == 60
    assert len(cursor) < 3_000
