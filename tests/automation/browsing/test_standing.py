"""What people are told of the line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from automation.browsing import slots
from automation.browsing.standing import standing
from automation.enums import BrowserUrgency
from automation.models import BrowserWait
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_slots(settings: Any) -> None:
    settings.BROWSER = {**settings.BROWSER, "slots": 3}


def wait(number: int, urgency: BrowserUrgency, seconds: float) -> None:
    BrowserWait.objects.create(
        key=f"account:{number}", urgency=urgency, since=Now() - timedelta(seconds=seconds)
    )


def test_browser_nobody_needed_is_not_in_use() -> None:
    now = standing()
    assert (now.slots, now.taken, now.in_line, now.longest_wait, now.is_used) == (3, 0, 0, 0.0, False)


def test_line_is_counted_by_urgency_and_by_its_longest_wait() -> None:
    wait(1, BrowserUrgency.CRITICAL, 2)
    wait(2, BrowserUrgency.LOW, 90)
    wait(3, BrowserUrgency.LOW, 10)
    now = standing()
    assert (now.critical, now.high, now.low, now.in_line) == (1, 0, 2, 3)
    assert 90 <= now.longest_wait < 95
    assert now.is_used


def test_who_no_longer_asks_is_not_in_line() -> None:
    wait(1, BrowserUrgency.LOW, 400)
    BrowserWait.objects.update(seen_at=Now() - slots.FORGET_AFTER - timedelta(seconds=1))
    assert (standing().in_line, standing().longest_wait) == (0, 0.0)


def test_slots_count_while_they_are_held_and_remember_the_wait_of_the_last(
    django_assert_num_queries: Any,
) -> None:
    account = make_account()
    wait(account.pk, BrowserUrgency.LOW, 40)
    held = slots.take(slots.lane_key(account.pk), BrowserUrgency.LOW, account_id=account.pk)
    assert held is not None
    with django_assert_num_queries(1):
        now = standing()
    assert (now.taken, now.in_line, now.turns) == (1, 0, 1)
    assert 40 <= now.last_wait < 45
    slots.give_back(held)
    assert standing().taken == 0
    assert 40 <= standing().last_wait < 45
