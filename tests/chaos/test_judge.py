"""The judge itself: each thing that must never happen is seen when it happens."""

from __future__ import annotations

from datetime import UTC, datetime

from automation.channels.sandbox.control import LedgerAct
from tests.chaos.judge import Booked, Verdict, judge


def act(send_id: str, *, account: str = "us", text: str | None = None) -> LedgerAct:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return LedgerAct(1, at, account, "dm", "p1", "ann", send_id if text is None else text, "", send_id, "m1")


def booked(send_id: str, state: str = "completed", *, deferred: bool = False) -> Booked:
    return Booked(send_id, "us", state, deferred)


def test_all_delivered_or_deferred_is_clean() -> None:
    verdict = judge([booked("a"), booked("b", "pending", deferred=True)], [act("a")], {"us": 1})
    assert verdict == Verdict(sends=2, delivered=1, deferred=1, duplicates=0, lost=0, over_limit=0)


def test_second_copy_under_the_same_send_id_is_a_duplicate() -> None:
    assert judge([booked("a")], [act("a"), act("a", text="other words")], {}).duplicates == 1


def test_same_words_under_another_send_id_are_a_duplicate() -> None:
    twice = [act("a", text="hello"), act("b", text="hello")]
    assert judge([booked("a"), booked("b")], twice, {}).duplicates == 1


def test_completed_here_and_unknown_there_is_lost() -> None:
    assert judge([booked("a")], [], {}).lost == 1


def test_arrived_there_and_still_waiting_here_is_lost() -> None:
    assert judge([booked("a", "pending", deferred=True)], [act("a")], {}).lost == 1


def test_neither_delivered_nor_deferred_is_lost() -> None:
    states = ("pending", "running", "unknown", "failed", "cancelled")
    assert judge([booked(state, state) for state in states], [], {}).lost == len(states)


def test_act_that_nobody_booked_is_lost() -> None:
    assert judge([], [act("a")], {}).lost == 1


def test_acts_beyond_the_limit_are_counted_by_account() -> None:
    acts = [act("a"), act("b"), act("c", account="other")]
    assert judge([booked("a"), booked("b"), booked("c")], acts, {"us": 1, "other": 1}).over_limit == 1
