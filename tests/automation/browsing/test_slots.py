"""Slots against real rows, and from many threads at once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from accounts.enums import ActionKind
from automation.browsing import sessions, slots
from automation.browsing.slots import Held
from automation.enums import BrowserUrgency, Reason
from automation.models import BrowserSlot, BrowserWait, Hold
from outreach.lib import clock
from tests.factories import make_account, make_lane, make_task

CRITICAL, HIGH, LOW = BrowserUrgency.CRITICAL, BrowserUrgency.HIGH, BrowserUrgency.LOW
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def three_slots(settings: Any) -> None:
    settings.BROWSER = {**settings.BROWSER, "slots": 3, "slot_lease_seconds": 60.0}


def take(key: str, urgency: int = LOW, **more: Any) -> Held | None:
    return slots.take(key, urgency, **more)


def test_slots_are_made_on_first_use_and_counted() -> None:
    assert [held.number for held in (take("a"), take("b")) if held] == [2, 3]
    assert take("c") is None
    urgent = take("d", CRITICAL)
    assert urgent
    assert urgent.number == 1
    assert urgent.is_kept
    assert take("e", CRITICAL) is None
    assert BrowserSlot.objects.count() == 3


def test_place_in_line_is_kept_and_first_come_is_first_served() -> None:
    first, second = take("a"), take("b")
    assert first
    assert second
    assert take("c") is None
    assert take("d") is None
    assert take("c") is None  # asking again changes nothing
    slots.give_back(first)
    assert take("d") is None
    held = take("c")
    assert held
    assert held.waited > 0
    assert list(BrowserWait.objects.values_list("key", flat=True)) == ["d"]


def test_given_back_slot_wakes_the_next_lane_and_only_it() -> None:
    lanes = [make_lane() for _ in range(2)]
    first, second = take("a"), take("b")
    assert first
    assert second
    for lane in lanes:
        assert take(slots.lane_key(lane.pk), account_id=lane.pk) is None
        Hold.objects.create(
            lane=lane, kind="dm", reason=Reason.BROWSER, until=clock.database_now() + timedelta(seconds=60)
        )
    slots.give_back(first)
    assert list(Hold.objects.values_list("lane_id", flat=True)) == [lanes[1].pk]
    lanes[0].refresh_from_db()
    assert lanes[0].next_at is not None
    assert BrowserWait.objects.get(account=lanes[0].pk).woken_at is not None


def test_who_is_woken_and_does_not_come_loses_its_place() -> None:
    first, second = take("a"), take("b")
    assert first
    assert second
    assert take("sleeper") is None
    assert take("next") is None
    slots.give_back(first)
    assert take("next") is None
    BrowserWait.objects.filter(key="sleeper").update(woken_at=Now() - slots.COME_WITHIN)
    assert take("next")
    assert not BrowserWait.objects.exists()


def test_slot_of_a_lease_that_ended_is_free_and_its_holder_is_told() -> None:
    first, second = take("a"), take("b")
    assert first
    assert second
    BrowserSlot.objects.filter(number=first.number).update(leased_until=Now() - timedelta(seconds=1))
    again = take("c")
    assert again
    assert again.number == first.number
    assert not slots.renew(first, 10)
    slots.give_back(first)  # it is another's by now
    assert slots.renew(again, 10)


def test_slot_of_a_process_that_died_is_free_at_once() -> None:
    first, second = take("a"), take("b")
    assert first
    assert second
    host, _, started = slots._myself().rsplit(":", 2)
    BrowserSlot.objects.filter(number=first.number).update(worker=f"{host}:4194303:{started}")
    assert take("c")
    BrowserSlot.objects.filter(number=second.number).update(worker=f"elsewhere:4194303:{started}")
    assert take("d") is None  # of another machine only the lease tells


def test_kept_slot_of_a_process_that_died_shows_as_free_whoever_looks() -> None:
    kept = take("a", CRITICAL)
    assert kept
    assert kept.is_kept
    host, _, started = slots._myself().rsplit(":", 2)
    BrowserSlot.objects.filter(number=kept.number).update(worker=f"{host}:4194303:{started}")
    other = take("b", LOW)
    assert other
    assert list(BrowserSlot.objects.exclude(leased_until=None).values_list("number", flat=True)) == [
        other.number
    ]
    assert not slots.renew(kept, 10)


def test_low_work_keeps_out_of_posting_windows() -> None:
    lane = make_lane()
    sessions.store(account=lane.account, state={"cookies": [], "origins": []}, by="test")
    due = clock.database_now() + timedelta(seconds=60)
    make_task(lane, kind=ActionKind.POST, due_at=due)
    assert slots.posting_until(clock.database_now()) == due
    assert take("low") is None
    assert take("high", HIGH)


def test_publication_of_an_account_without_browser_closes_no_window() -> None:
    make_task(make_lane(), kind=ActionKind.POST, due_at=clock.database_now() + timedelta(seconds=60))
    assert take("low")


def test_never_more_at_once_than_there_are_slots_nor_low_work_in_the_kept_one() -> None:
    inside: list[int] = []
    most, kept, served = [0], [0], [0]
    lock = threading.Lock()

    def work(number: int) -> None:
        try:
            for _turn in range(6):
                urgency = CRITICAL if number == 0 else LOW
                while (held := slots.take(f"w{number}", urgency)) is None:
                    time.sleep(0.005)
                with lock:
                    inside.append(held.number)
                    most[0] = max(most[0], len(inside))
                    kept[0] += held.is_kept and urgency != CRITICAL
                    assert len(set(inside)) == len(inside)
                time.sleep(0.01)
                with lock:
                    inside.remove(held.number)
                    served[0] += 1
                slots.give_back(held)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served[0] == 36
    assert most[0] <= 3
    assert kept[0] == 0
    assert not BrowserSlot.objects.filter(token__isnull=False).exists()


def test_taking_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    account = make_account()
    take("warm")
    with django_assert_max_num_queries(9):
        held = take(slots.lane_key(account.pk), account_id=account.pk)
    assert held
    with django_assert_max_num_queries(6):
        slots.give_back(held)
