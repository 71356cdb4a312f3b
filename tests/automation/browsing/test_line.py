from datetime import UTC, datetime, timedelta

from automation.browsing.line import Waiter, assign
from automation.enums import BrowserUrgency

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CRITICAL, HIGH, LOW = BrowserUrgency.CRITICAL, BrowserUrgency.HIGH, BrowserUrgency.LOW


def waiter(pk: int, urgency: int, seconds: float = 0.0) -> Waiter:
    return Waiter(pk, f"account:{pk}", urgency, NOW - timedelta(seconds=seconds))


def given(line: list[Waiter], free: list[int], *, capacity: int = 4, posting: bool = False) -> dict[int, int]:
    found = assign(line, free, NOW, capacity=capacity, posting=posting)
    return {one.pk: slot for one, slot in found.items()}


def test_kept_slot_is_for_critical_work_only() -> None:
    assert given([waiter(1, LOW), waiter(2, HIGH)], [1]) == {}
    assert given([waiter(1, LOW), waiter(2, CRITICAL)], [1]) == {2: 1}


def test_kept_slot_is_everybodys_where_it_is_the_only_one() -> None:
    assert given([waiter(1, LOW)], [1], capacity=1) == {1: 1}


def test_critical_work_takes_the_kept_slot_and_leaves_the_others() -> None:
    assert given([waiter(1, LOW, 9), waiter(2, CRITICAL)], [1, 2]) == {2: 1, 1: 2}


def test_more_critical_work_takes_other_slots_before_anybody() -> None:
    assert given([waiter(1, HIGH, 99), waiter(2, CRITICAL), waiter(3, CRITICAL, 1)], [1, 2]) == {3: 1, 2: 2}


def test_high_goes_before_low_and_within_both_who_came_first() -> None:
    line = [waiter(1, LOW, 50), waiter(2, HIGH, 1), waiter(3, HIGH, 2), waiter(4, LOW, 60)]
    assert given(line, [2, 3, 4]) == {3: 2, 2: 3, 4: 4}


def test_low_that_waited_long_is_not_starved_by_high() -> None:
    line = [waiter(1, HIGH, 200), waiter(2, LOW, 301)]
    assert given(line, [2]) == {2: 2}


def test_low_waits_while_a_publication_is_due_soon() -> None:
    line = [waiter(1, LOW, 400), waiter(2, HIGH)]
    assert given(line, [2, 3], posting=True) == {2: 2}
