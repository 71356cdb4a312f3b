"""Unclear outcomes: the network is asked first, and nothing is sent again on a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.channels.base import (
    AuthFailed,
    Done,
    Finding,
    NotCalled,
    NotFound,
    Proof,
    Refused,
    TryLater,
)
from automation.channels.sandbox.channel import SandboxChannel
from automation.channels.sandbox.control import Control
from automation.engine import acts, attempts, outcomes, reconcile, runner, start
from automation.engine.reconcile import _apply
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Hold, Lane, Task
from automation.services import verify_account
from leads.models import Profile
from outreach.lib import clock
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, run_once, used

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("impatient")]
Somebody = Callable[..., Profile]


@pytest.fixture
def limited(account: Account) -> Account:
    set_limit(account=account, kind=ActionKind.DM, limit=50, by="test")
    return account


def unclear(account: Account, profile: Profile, control: Control, fault: str = "drop_before") -> Task:
    """A message whose answer was lost, not yet asked about."""
    control.fault(fault, kind="dm", account=account.handle, count=1)
    task = add_dm(account, profile)
    mine = lease(account.lane)
    claims = runner.claim(mine, runner.open_channel(mine), batch=1).claims
    runner.settle(mine, runner.call_batch(runner.open_channel(mine), claims, runner.time.monotonic()))
    runner.lanes.release(mine)
    assert refreshed(task).state == TaskState.UNKNOWN
    return task


@pytest.mark.parametrize("fault", ["drop", "truncate", "garble", "error_after"])
def test_an_act_whose_answer_was_lost_is_found_and_never_repeated(
    limited: Account, somebody: Somebody, control: Control, fault: str
) -> None:
    control.fault(fault, kind="dm", count=1)
    task = add_dm(limited, somebody())
    run_lanes(within=2.0)
    (act,) = arrived(control, task)
    assert (refreshed(task).state, refreshed(task).remote_id) == (TaskState.COMPLETED, act.remote_id)
    assert refreshed(task).detail == "Found on the network after an unclear answer"
    assert list(task.attempts.values_list("state", flat=True)) == [AttemptState.DONE]
    assert used(limited) == 1


@pytest.mark.parametrize("fault", ["drop_before", "black_hole"])
def test_an_act_that_never_came_is_sent_again_once_the_network_is_settled(
    limited: Account, somebody: Somebody, control: Control, fault: str
) -> None:
    control.fault(fault, kind="dm", count=1)
    task = add_dm(limited, somebody())
    run_once(limited.lane)
    waiting = refreshed(task)
    assert (waiting.state, waiting.reason) == (TaskState.UNKNOWN, Reason.RECONCILE)
    first = task.attempts.get()
    assert waiting.due_at == first.deadline + timedelta(seconds=SandboxChannel.lag), (
        "absence counts only then"
    )
    assert used(limited) == 1
    run_lanes(within=3.0)
    (act,) = arrived(control, task)
    assert refreshed(task).state == TaskState.COMPLETED
    assert act.at >= first.deadline
    assert act.send_id == str(task.send_id)
    assert used(limited) == 1


def test_an_honest_error_without_the_networks_word_is_unclear(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    control.fault("error", kind="dm", honest=False, count=1)
    task = add_dm(limited, somebody())
    run_lanes(within=2.0)
    assert len(arrived(control, task)) == 1
    states = list(task.attempts.order_by("number").values_list("state", flat=True))
    assert states == [AttemptState.ABANDONED, AttemptState.DONE]
    assert used(limited) == 1


def test_lost_acts_count_as_tries(
    limited: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine.update(max_attempts=2, breaker_failures=50)
    control.fault("drop_before", kind="dm")
    task = add_dm(limited, somebody())
    run_lanes(within=3.0)
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.FAILED, Reason.EXHAUSTED)
    assert task.attempts.count() == 2
    assert used(limited) == 0


def test_a_network_that_proves_nothing_parks_and_never_sends_again(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SandboxChannel, "proves", False)
    monkeypatch.setattr(SandboxChannel, "reconcile", lambda *_: Finding(Proof.NONE))
    control.fault("drop_before", kind="dm", count=1)
    task = add_dm(limited, somebody())
    run_lanes(within=3.0)
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.UNKNOWN, Reason.PARKED)
    assert refreshed(task).due_at is None
    assert arrived(control, task) == []
    assert used(limited) == 1, "it may have happened, so its unit stays"


@pytest.mark.parametrize(
    ("took_place", "state", "units"), [(True, TaskState.COMPLETED, 1), (False, TaskState.FAILED, 0)]
)
def test_a_person_decides_what_nobody_can_prove(
    limited: Account, somebody: Somebody, control: Control, took_place: bool, state: str, units: int
) -> None:
    task = unclear(limited, somebody(), control)
    outcomes.park(task)
    outcomes.decide(refreshed(task), took_place=took_place, by="Ada")
    assert (refreshed(task).state, used(limited)) == (state, units)
    assert "Ada" in refreshed(task).detail
    with pytest.raises(ValueError, match="unclear outcome"):
        outcomes.decide(refreshed(task), took_place=True, by="Ada")


def test_absence_counts_only_if_asked_after_the_network_was_settled(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    task = unclear(limited, somebody(), control)
    attempt = task.attempts.get()
    channel = runner.open_channel(lease_of(limited))
    early = attempt.deadline - timedelta(seconds=0.1)
    Attempt.objects.filter(pk=attempt.pk).update(deadline=clock.database_now() - timedelta(seconds=60))
    attempt.refresh_from_db()
    _apply(refreshed(task), attempt, channel, Finding(Proof.ABSENT), early - timedelta(seconds=120))
    assert refreshed(task).state == TaskState.UNKNOWN
    _apply(refreshed(task), attempt, channel, Finding(Proof.ABSENT), clock.database_now())
    assert refreshed(task).state == TaskState.PENDING


def test_an_answer_about_an_older_attempt_says_nothing(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    """A runner that slept between asking and recording must not have it sent a third time."""
    task = unclear(limited, somebody(), control)
    first = task.attempts.get()
    channel = runner.open_channel(lease_of(limited))
    Task.objects.filter(pk=task.pk).update(attempt_count=2)
    Attempt.objects.create(
        task=task, number=2, state=AttemptState.UNKNOWN, deadline=first.deadline, worker="other"
    )
    _apply(refreshed(task), first, channel, Finding(Proof.ABSENT), clock.database_now() + timedelta(hours=1))
    assert refreshed(task).state == TaskState.UNKNOWN
    _apply(refreshed(task), first, channel, Finding(Proof.PRESENT, Done("x")), clock.database_now())
    assert refreshed(task).state == TaskState.UNKNOWN


def lease_of(account: Account) -> Any:
    return runner.lanes.Lease(account.pk, "sandbox", 0, "test")


def answer_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """From now on the network fails to say what became of acts; counts how often it was asked."""
    asked: list[int] = []

    def fail(*_: Any) -> Finding:
        asked.append(1)
        raise error

    monkeypatch.setattr(SandboxChannel, "reconcile", fail)
    return asked


def test_a_question_without_an_answer_is_asked_again_with_growing_pauses(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = unclear(limited, somebody(), control)
    asked = answer_with(monkeypatch, TryLater("The network is down."))
    before = clock.database_now()
    run_once(limited.lane)
    assert (refreshed(task).state, refreshed(task).detail, len(asked)) == (
        TaskState.UNKNOWN,
        "The network is down.",
        1,
    )
    assert refreshed(task).due_at > before


def test_questions_without_an_answer_open_the_breaker(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a network that swallows everything would hold the lane's worker for a deadline again and again."""
    task = unclear(limited, somebody(), control)
    asked = answer_with(monkeypatch, TryLater("The network is down."))
    for _ in range(6):
        now = clock.database_now()
        Task.objects.filter(pk=task.pk).update(due_at=now)
        Lane.objects.filter(pk=limited.pk).update(next_at=now)
        run_once(limited.lane)
    assert len(asked) == 4, "the act itself was the first of five"
    lane = Lane.objects.get(pk=limited.pk)
    assert (lane.failures, lane.breaker_opened_at is None) == (5, False)
    assert Hold.objects.get(lane=lane).reason == Reason.BREAKER_OPEN


@pytest.mark.parametrize("answer", [Refused("Not for you."), NotFound("It is gone.")])
def test_an_answer_that_proves_nothing_does_not_count_towards_the_breaker(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch, answer: Exception
) -> None:
    unclear(limited, somebody(), control)
    before = Lane.objects.get(pk=limited.pk).failures
    asked = answer_with(monkeypatch, answer)
    run_once(limited.lane)
    assert (len(asked), Lane.objects.get(pk=limited.pk).failures) == (1, before)


def test_nobody_asks_while_the_network_told_us_to_wait(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    unclear(limited, somebody(), control)
    asked = answer_with(monkeypatch, TryLater("Slow down.", retry_after=60.0, rate_limited=True))
    run_once(limited.lane)
    (hold,) = Hold.objects.filter(lane_id=limited.pk)
    assert (hold.reason, len(asked)) == (Reason.RATE_LIMITED, 1)
    run_lanes(within=2.0)
    Lane.objects.filter(pk=limited.pk).update(next_at=clock.database_now())
    run_once(limited.lane)
    assert len(asked) == 1
    assert Lane.objects.get(pk=limited.pk).next_at == hold.until, "or the lane would be due again and again"


def test_refused_credentials_at_the_question_stop_the_account(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    unclear(limited, somebody(), control)
    answer_with(monkeypatch, AuthFailed("The token has expired."))
    run_lanes()
    limited.refresh_from_db()
    assert (limited.status, limited.status_reason) == (AccountStatus.ERROR, "The token has expired.")


def test_a_drivers_bug_at_the_question_neither_stops_the_lane_nor_sends_again(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = unclear(limited, somebody(), control)
    answer_with(monkeypatch, ZeroDivisionError("bug"))
    other = add_dm(limited, somebody())
    run_lanes()
    assert refreshed(other).state == TaskState.COMPLETED
    assert refreshed(task).state == TaskState.UNKNOWN


def test_a_network_that_cannot_tell_for_a_day_leaves_it_to_a_person(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = unclear(limited, somebody(), control)
    Attempt.objects.filter(task=task).update(deadline=clock.database_now() - timedelta(hours=25))
    answer_with(monkeypatch, TryLater("Down."))
    run_lanes()
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.UNKNOWN, Reason.PARKED)
    assert refreshed(task).detail == "The network could not tell for a day: Down."


def test_a_question_that_could_not_be_asked_is_asked_later_however_long_that_lasts(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = unclear(limited, somebody(), control)
    Attempt.objects.filter(task=task).update(deadline=clock.database_now() - timedelta(hours=25))
    answer_with(monkeypatch, NotCalled("There is no browser.", retry_after=30.0))
    run_lanes()
    waiting = refreshed(task)
    assert (waiting.state, waiting.detail) == (TaskState.UNKNOWN, "There is no browser.")
    assert waiting.due_at is not None
    assert 25 < (waiting.due_at - clock.database_now()).total_seconds() <= 30
    assert not Hold.objects.filter(lane=limited.pk).exists()


def test_asking_stops_at_the_first_question_without_an_answer(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        unclear(limited, somebody(), control)
        Task.objects.filter(state=TaskState.UNKNOWN).update(due_at=clock.database_now() + timedelta(hours=1))
    Task.objects.filter(state=TaskState.UNKNOWN).update(due_at=clock.database_now())
    asked = answer_with(monkeypatch, TryLater("Down."))
    mine = lease_of(limited)
    assert reconcile.reconcile(mine, runner.open_channel(mine)) == 1
    assert len(asked) == 1
    assert connection.is_usable()


@pytest.mark.parametrize("proves", [True, False], ids=["batches", "one by one"])
def test_reading_whose_worker_died_runs_again_even_where_its_account_waits_to_be_verified(
    account: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch, proves: bool
) -> None:
    monkeypatch.setattr(SandboxChannel, "proves", proves)
    message = unclear_by_death(account, add_dm(account, somebody()))
    Account.objects.filter(pk=account.pk).update(status=AccountStatus.PENDING)
    verify = unclear_by_death(account, verify_account(account=account, by="test"))
    run_lanes(within=3.0)
    account.refresh_from_db()
    assert (refreshed(verify).state, account.status) == (TaskState.COMPLETED, AccountStatus.ACTIVE)
    ended = list(verify.attempts.order_by("number").values_list("state", "error"))
    assert ended == [(AttemptState.ABANDONED, attempts.WORKER_ENDED), (AttemptState.DONE, "")]
    # An act is asked about, and found: the same death must not send it again.
    assert (refreshed(message).state, len(arrived(control, message))) == (TaskState.COMPLETED, 1)
    assert message.attempts.count() == 1


def unclear_by_death(account: Account, task: Task) -> Task:
    """A task that a worker started and called for; nothing was heard of either again."""
    mine = lease(account.lane)
    channel = runner.open_channel(mine)
    (one,) = runner.claim(mine, channel, batch=1).claims
    assert one.task_id == task.pk
    assert channel.proves or start.begin(one, seconds=channel.deadline)
    acts.perform(channel, one)
    Attempt.objects.filter(pk=one.attempt_id).update(deadline=clock.database_now() - timedelta(seconds=1))
    Lane.objects.filter(pk=account.pk).update(lease_until=None)
    return task
