"""The judge itself: what it counts, and that it counts copies, windows and late acts right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import httpx
import pytest

from automation.channels.base import Act, Channel
from automation.channels.sandbox.control import Control, OwnAccount, SyntheticPerson
from automation.channels.sandbox.network import ledger
from automation.channels.sandbox.network.options import WorldOptions
from automation.channels.sandbox.network.state import Event, State
from automation.channels.sandbox.network.world import generate
from tests.channels.sandbox.conftest import dm

BASE = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def state() -> State:
    return generate(WorldOptions(people=10, accounts=2))


def _acts(*moments: datetime, **fields: str) -> list[Event]:
    values = {"target": "u1", "person": "u1", "text": "Hello"} | fields
    stamps = (int(moment.timestamp() * 1_000_000) for moment in moments)
    return [Event(seq, at, "dm", "a1", **values) for seq, at in enumerate(stamps, start=1)]  # type: ignore[arg-type]


def test_copies_are_counted_by_send_id_and_by_content(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    before = control.summary()
    act = dm(person, f"Unique {uuid4()}")
    channel.message(act)
    channel.message(act)  # the same send id, the same content
    channel.message(Act("dm", uuid4(), remote_id=person.id, text=act.text))  # a new id hides nothing
    channel.message(Act("dm", act.send_id, remote_id=person.id, text="Something else"))
    after = control.summary()
    assert after.total - before.total == 4
    assert after.kinds["dm"] - before.kinds.get("dm", 0) == 4
    assert after.duplicate_send_ids - before.duplicate_send_ids == 2
    assert after.duplicate_contents - before.duplicate_contents == 2


def test_same_text_to_two_people_is_no_copy(channel: Channel, control: Control) -> None:
    first, second = [one for one in control.people() if one.temper == "silent"][:2]
    before = control.summary().duplicate_contents
    text = f"Both {uuid4()}"
    channel.message(dm(first, text))
    channel.message(dm(second, text))
    assert control.summary().duplicate_contents == before


def test_idempotency_keys_answer_with_the_first_act(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    control.idempotency_keys(True)
    before, act = control.summary().total, dm(person)
    assert channel.message(act) == channel.message(act)
    assert control.summary().total - before == 1


def test_refused_acts_are_not_in_the_ledger(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    before = control.summary().total
    answer = httpx.post(f"{control.url}/api/v1/profiles/{person.id}/messages", json={"text": "No token"})
    assert answer.status_code == 401
    assert control.summary().total == before


def test_ledger_is_in_order_and_paged_whole(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    for number in range(1100):
        channel.message(dm(person, f"Order {number}"))
    acts = control.ledger()
    assert len(acts) == control.summary().total > 1100
    assert [act.text for act in acts[-1100:]] == [f"Order {number}" for number in range(1100)]
    assert all(one.seq < next_one.seq and one.at < next_one.at for one, next_one in pairwise(acts))


def test_acts_after_a_no_are_late_by_time_and_by_reading(
    channel: Channel, control: Control, account: OwnAccount
) -> None:
    person = [one for one in control.people() if one.temper == "silent"][-1]
    post = next((post for post in channel.profile(person.handle).posts), None)
    channel.message(dm(person, "Before"))
    since = channel.inbox("").cursor
    told = control.opt_out(person.handle, account=account.handle)
    assert told.opted_out_at is not None
    unread = channel.message(dm(person, "After the no"))
    assert [act.remote_id for act in control.late()] == [unread.remote_id]
    assert control.late(after_read=True) == []
    page = channel.inbox(since)
    assert page.messages[-1].handle == person.handle
    read = [
        channel.message(dm(person, "After reading")),
        channel.follow(Act("follow", uuid4(), remote_id=person.id)),
    ]
    if post is not None:
        read.append(channel.like(Act("like", uuid4(), post_id=post.remote_id)))
    channel.unfollow(
        Act("unfollow", uuid4(), remote_id=person.id)
    )  # leaving somebody alone is no act upon them
    assert [act.remote_id for act in control.late(after_read=True)] == [one.remote_id for one in read]
    summary = control.summary()
    assert (summary.after_opt_out, summary.after_opt_out_was_read) == (len(read) + 1, len(read))
    assert control.summary(grace=3600).after_opt_out == 0
    assert summary.opted_out_people == 1


def test_pressed_opt_out_counts_without_a_message(
    channel: Channel, control: Control, account: OwnAccount
) -> None:
    person = [one for one in control.people() if one.temper == "silent" and one.opted_out_at is None][-2]
    inbox, late = channel.inbox(""), len(control.late())
    control.opt_out(person.handle)
    assert channel.inbox("").messages == inbox.messages
    channel.message(dm(person))
    assert len(control.late()) == late + 1


def test_windows_follow_the_clock_of_a_zone(state: State) -> None:
    # 30 March 2025 has 23 hours in Berlin: it ends at 22:00 UTC.
    acts = _acts(
        datetime(2025, 3, 29, 22, 59, 59, tzinfo=UTC),
        datetime(2025, 3, 29, 23, 0, tzinfo=UTC),
        datetime(2025, 3, 30, 21, 59, 59, tzinfo=UTC),
        datetime(2025, 3, 30, 22, 0, tzinfo=UTC),
    )
    berlin = ledger.windows(state, acts, unit="day", zone="Europe/Berlin")
    assert [(one["window"], one["acts"]) for one in berlin] == [
        ("2025-03-29", 1),
        ("2025-03-30", 2),
        ("2025-03-31", 1),
    ]
    utc = ledger.windows(state, acts, unit="day")
    assert [(one["window"], one["acts"]) for one in utc] == [("2025-03-29", 2), ("2025-03-30", 2)]


def test_doubled_hour_is_two_windows(state: State) -> None:
    acts = _acts(datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC))
    hours = ledger.windows(state, acts, unit="hour", zone="Europe/Berlin")
    assert [one["window"] for one in hours] == ["2025-10-26T02+0100", "2025-10-26T02+0200"]


def test_windows_of_seconds_and_nonsense(state: State) -> None:
    acts = _acts(BASE, BASE + timedelta(seconds=9), BASE + timedelta(seconds=10))
    assert [one["acts"] for one in ledger.windows(state, acts, unit="10")] == [2, 1]
    for unit in ("0", "-1", "week"):
        with pytest.raises(ValueError):
            ledger.windows(state, acts, unit=unit)


def test_busiest_stretch_may_begin_anywhere(state: State) -> None:
    acts = _acts(*(BASE + timedelta(seconds=second) for second in (0, 55, 58, 61, 64, 130)))
    assert ledger.busiest(state, acts, 10)[0]["acts"] == 4
    assert ledger.busiest(state, acts, 60)[0]["acts"] == 4
    assert ledger.busiest(state, acts, 66)[0]["acts"] == 5


def test_between_needs_a_zone(state: State) -> None:
    acts = _acts(BASE, BASE + timedelta(days=1))
    assert ledger.between(acts, "2025-01-01T12:00:00Z", "") == acts[1:]
    assert ledger.between(acts, "", "2025-01-02T01:00:00+01:00") == acts[:1]
    with pytest.raises(ValueError):
        ledger.between(acts, "2025-01-01T12:00:00", "")


def test_summary_per_day_and_busiest_come_over_the_wire(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    since = datetime.now(UTC).isoformat()
    for _ in range(3):
        channel.message(dm(person))
    days = control.summary(since=since).per_day
    assert sum(one.acts for one in days) == 3
    assert {(one.account, one.kind) for one in days} == {(account.handle, "dm")}
    assert control.busiest(3600)[account.handle, "dm"] >= 3
    assert sum(one.acts for one in control.windows("day", zone="Asia/Kathmandu")) == control.summary().total
