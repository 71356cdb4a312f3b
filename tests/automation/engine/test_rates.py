"""How an account's pace follows what the network says of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from automation import queries
from automation.channels.sandbox.control import Control
from automation.engine import rates, runner
from automation.engine.claim import claim
from automation.engine.shapes import Answer, Outcome
from automation.enums import Reason, TaskState
from automation.models import Hold, Lane, Task
from leads.models import Profile
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, run_once
from tests.factories import make_lane

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
AT = datetime(2030, 1, 1, 12, 0, tzinfo=timezone.get_default_timezone())


def after_a_minute(*, rate: int | None, taken: int, failed: int) -> Lane:
    """A lane whose last minute went like that, when the next one begins."""
    lane = make_lane(rate=rate, minute_at=AT, minute_taken=taken, minute_failed=failed)
    rates.left(lane, AT + rates.MINUTE)
    return lane


def outcome(answer: Answer, reason: str = "") -> Outcome:
    return Outcome(claim=None, answer=answer, reason=reason)  # type: ignore[arg-type]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rate", "taken", "failed", "becomes"),
    [
        (None, 100, 11, 80),  # it starts at 100
        (100, 100, 10, 100),  # 10 % is not above 10 %
        (80, 80, 40, 64),
        (12, 12, 12, 10),  # not below the floor
        (10, 10, 10, 10),
        (100, 49, 0, 110),  # under half used
        (100, 50, 0, 100),
        (100, 99, 0, 100),
        (100, 40, 4, 110),  # 10 % errors, and room
        (480, 10, 0, 500),  # not above the cap
        (500, 10, 0, 500),
        (100, 0, 0, 100),  # nothing done says nothing
    ],
)
def test_rate_follows_errors_and_use_of_the_last_minute(
    rate: int | None, taken: int, failed: int, becomes: int
) -> None:
    assert rates.per_minute(after_a_minute(rate=rate, taken=taken, failed=failed)) == becomes


@pytest.mark.django_db
def test_a_change_keeps_its_reason_and_time() -> None:
    lane = after_a_minute(rate=100, taken=100, failed=20)
    assert lane.rate_reason == "Slower: 20 of 100 acts in a minute failed."
    assert lane.rate_changed_at == AT + rates.MINUTE
    unchanged = after_a_minute(rate=100, taken=80, failed=0)
    assert (unchanged.rate_reason, unchanged.rate_changed_at) == ("", None)


@pytest.mark.django_db
def test_a_minute_that_is_not_over_goes_on_and_one_from_the_future_does_not() -> None:
    lane = make_lane(minute_at=AT, minute_taken=30)
    assert rates.left(lane, AT + timedelta(seconds=59)) == 70
    assert lane.minute_at == AT
    assert rates.left(lane, AT - timedelta(days=1)) == 110  # a clock that was set back must not stop the lane
    assert lane.minute_taken == 0


@pytest.mark.django_db
def test_without_a_cap_no_rate_is_kept(engine: dict[str, Any]) -> None:
    engine["rate_cap"] = 0
    lane = make_lane(rate=10, minute_at=AT, minute_taken=99)
    assert rates.left(lane, AT) is None
    assert rates.count(lane, [outcome(Answer.UNKNOWN)]) == []
    assert not Hold.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "reason", "counts"),
    [
        (Answer.DONE, "", False),
        (Answer.REFUSED, Reason.REFUSED, False),
        (Answer.LATER, Reason.RETRY, True),
        (Answer.LATER, Reason.RATE_LIMITED, True),
        (Answer.LATER, Reason.CREDENTIALS, False),
        (Answer.UNKNOWN, "", True),
        (Answer.NOT_CALLED, "", False),
    ],
)
def test_only_what_a_slower_pace_may_mend_is_an_error(answer: Answer, reason: str, counts: bool) -> None:
    assert rates.is_error(outcome(answer, reason)) is counts


def test_a_lane_takes_no_more_than_its_rate_and_says_why_it_waits(
    account: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine["rate_start"] = 7
    sent = [add_dm(account, somebody()) for _ in range(10)]
    assert run_lanes(within=1.0) == 7
    assert len(arrived(control, *sent)) == 7
    left = Task.objects.get(pk=max(task.pk for task in sent))
    why = queries.waiting(refreshed(left))
    lane = Lane.objects.get(pk=account.pk)
    assert lane.minute_at is not None
    assert (why.reason, why.next_at) == (Reason.RATE, lane.minute_at + rates.MINUTE)
    assert why.detail == "7 a minute at present"
    assert lane.next_at == lane.minute_at + rates.MINUTE


def test_the_rest_goes_out_in_the_next_minute(
    account: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine["rate_start"] = 7
    sent = [add_dm(account, somebody()) for _ in range(10)]
    run_lanes(within=1.0)
    past = timezone.now() - timedelta(seconds=61)
    Lane.objects.filter(pk=account.pk).update(minute_at=past, next_at=past)
    Hold.objects.update(until=past)
    assert run_lanes(within=1.0) == 3
    assert len(arrived(control, *sent)) == 10
    assert (
        Lane.objects.get(pk=account.pk).rate is None
    )  # all of the first minute was used, and nothing failed


def test_failures_of_a_minute_slow_the_next(
    account: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine["breaker_failures"] = 50
    control.fault("error", account=account.handle, kind="dm", count=3)
    for _ in range(6):
        add_dm(account, somebody())
    run_once(account.lane)
    lane = Lane.objects.get(pk=account.pk)
    assert (lane.minute_taken >= 6, lane.minute_failed) == (True, 3)
    Lane.objects.filter(pk=account.pk).update(minute_at=timezone.now() - timedelta(seconds=61))
    add_dm(account, somebody())
    run_once(account.lane)
    lane.refresh_from_db()
    assert lane.rate == 80
    assert lane.rate_reason.startswith("Slower: 3 of ")


def test_what_was_never_called_is_not_counted(account: Account, somebody: Somebody) -> None:
    for _ in range(3):
        add_dm(account, somebody())
    mine = lease(account.lane)
    claimed = claim(mine, runner.open_channel(mine), batch=50)
    assert Lane.objects.get(pk=account.pk).minute_taken == 3
    runner.settle(mine, [Outcome(one, Answer.NOT_CALLED) for one in claimed.claims])
    assert Lane.objects.get(pk=account.pk).minute_taken == 0
    assert Task.objects.filter(state=TaskState.PENDING).count() == 3


def test_keeping_a_rate_costs_no_statement(
    account: Account, somebody: Somebody, engine: dict[str, Any]
) -> None:
    counted = {}
    for cap in (500, 0):
        engine["rate_cap"] = cap
        for _ in range(3):
            add_dm(account, somebody())
        mine = lease(account.lane)
        channel = runner.open_channel(mine)
        with CaptureQueriesContext(connection) as claiming:
            claimed = claim(mine, channel, batch=50)
        results = runner.call_batch(channel, claimed.claims, began=float("inf"))
        with CaptureQueriesContext(connection) as settling:
            runner.settle(mine, results)
        assert {result.answer for result in results} == {Answer.DONE}
        counted[cap] = (len(claiming), len(settling))
        Lane.objects.update(lease_until=None)
    assert counted[500] == counted[0]
