"""What each answer of a network does to task, attempt, units and lane, counted at the network."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.channels.sandbox.control import Control
from automation.engine import lanes, outcomes, runner, tasks
from automation.engine.claim import claim
from automation.engine.shapes import Answer, Outcome
from automation.engine.tasks import NewTask
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Hold, Lane, Task
from automation.services import verify_account
from leads.models import Profile
from outreach.lib import clock
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, run_once, used

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
Ours = Callable[..., Account]


@pytest.fixture
def limited(account: Account) -> Account:
    """Messages of this account are counted."""
    set_limit(account=account, kind=ActionKind.DM, limit=50, by="test")
    return account


def last_attempt(task: Task) -> Attempt:
    found = task.attempts.order_by("-number").first()
    assert found is not None
    return found


def test_done_keeps_the_unit_and_what_finds_the_act_again(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    task = add_dm(limited, somebody())
    run_lanes()
    (act,) = arrived(control, task)
    task = refreshed(task)
    assert (task.state, task.remote_id, task.due_at) == (TaskState.COMPLETED, act.remote_id, None)
    assert task.finished_at is not None
    assert last_attempt(task).state == AttemptState.DONE
    assert used(limited) == 1


def test_refused_ends_the_task_and_gives_the_unit_back(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    profile = somebody()
    task = add_dm(limited, profile, payload={"text": ""})  # the network refuses an empty message
    run_lanes()
    task = refreshed(task)
    assert (task.state, task.reason) == (TaskState.FAILED, Reason.REFUSED)
    assert task.detail
    assert last_attempt(task).state == AttemptState.REFUSED
    assert used(limited) == 0
    assert arrived(control, task) == []


def test_a_target_that_is_gone_fails_as_not_found(limited: Account, somebody: Somebody) -> None:
    task = add_dm(limited, somebody())
    Profile.objects.filter(pk=task.profile_id).update(remote_id="", handle="nobody_of_this_name")
    run_lanes()
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.FAILED, Reason.NOT_FOUND)
    assert used(limited) == 0


def test_what_a_network_cannot_do_is_refused_without_a_call(
    account: Account, somebody: Somebody, control: Control
) -> None:
    task = add_dm(account, somebody(), kind=ActionKind.EMAIL)
    run_lanes()
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.FAILED, Reason.UNSUPPORTED)
    assert control.requests() == []


def test_an_honest_error_is_tried_again_under_the_same_send_id(
    limited: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    control.fault("error", kind="dm", count=2)
    task = add_dm(limited, somebody())
    run_lanes(within=1.0)
    assert refreshed(task).state == TaskState.COMPLETED
    assert refreshed(task).failure_count == 2
    states = list(task.attempts.order_by("number").values_list("state", flat=True))
    assert states == [AttemptState.LATER, AttemptState.LATER, AttemptState.DONE]
    assert len(arrived(control, task)) == 1
    assert used(limited) == 1


def test_a_task_waits_with_the_error_between_two_tries(
    limited: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine["retry_base_seconds"] = 600.0
    control.fault("error", kind="dm", count=1)
    task = add_dm(limited, somebody())
    run_lanes()
    waiting = refreshed(task)
    assert (waiting.state, waiting.reason) == (TaskState.PENDING, Reason.RETRY)
    assert waiting.detail == "The network has a problem and did nothing."
    assert waiting.due_at is not None
    assert used(limited) == 0


def test_after_as_many_failures_as_allowed_it_is_exhausted(
    limited: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine.update(max_attempts=3, breaker_failures=50)
    control.fault("error", kind="dm")
    task = add_dm(limited, somebody())
    run_lanes(within=1.0)
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.FAILED, Reason.EXHAUSTED)
    assert len(control.requests()) == 3
    assert used(limited) == 0


def test_a_task_retried_by_hand_gets_all_its_tries_again(
    limited: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine.update(max_attempts=2, breaker_failures=50)
    control.fault("error", kind="dm", count=3)
    task = add_dm(limited, somebody())
    send_id = task.send_id
    run_lanes(within=1.0)
    assert refreshed(task).state == TaskState.FAILED
    tasks.retry(refreshed(task), by="test")
    run_lanes(within=1.0)
    assert (refreshed(task).state, refreshed(task).send_id) == (TaskState.COMPLETED, send_id)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_rate_limit_holds_the_lane_and_nothing_comes_early(
    limited: Account, somebody: Somebody, control: Control, as_date: bool
) -> None:
    control.fault("rate_limit", account=limited.handle, count=1, retry_after=1, as_date=as_date)
    sent = [add_dm(limited, somebody()) for _ in range(5)]
    run_lanes()
    assert len(control.requests()) == 1, "the rest of the batch was called in spite of the 429"
    (hold,) = Hold.objects.filter(lane_id=limited.pk)
    assert (hold.kind, hold.reason) == ("", Reason.RATE_LIMITED)
    assert {refreshed(task).hold_reason for task in sent} == {Reason.RATE_LIMITED}
    assert used(limited) == 0
    run_lanes(within=3.0)
    assert not any(request.early for request in control.requests())
    assert len(arrived(control, *sent)) == 5
    assert {refreshed(task).failure_count for task in sent} == {0}
    assert used(limited) == 5


def test_refused_credentials_stop_the_account_after_one_call(
    limited: Account, somebody: Somebody, control: Control
) -> None:
    control.fault("expire", account=limited.handle)
    sent = [add_dm(limited, somebody()) for _ in range(5)]
    run_lanes()
    limited.refresh_from_db()
    assert (limited.status, bool(limited.status_reason)) == (AccountStatus.ERROR, True)
    assert len(control.requests()) == 1
    assert {refreshed(task).state for task in sent} == {TaskState.PENDING}
    assert {refreshed(task).hold_reason for task in sent} == {Reason.ACCOUNT_NOT_WORKING}
    assert used(limited) == 0


def test_a_refused_verification_puts_the_account_in_error(ours: Ours, control: Control) -> None:
    account = ours(status=AccountStatus.PENDING, verified_at=None)
    control.fault("expire", account=account.handle)
    task = verify_account(account=account, by="test")
    run_lanes()
    account.refresh_from_db()
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.FAILED, Reason.CREDENTIALS)
    assert account.status == AccountStatus.ERROR
    assert account.status_reason == refreshed(task).detail


@pytest.mark.parametrize("secret", [{}, {"token": "with a space"}, {"token": 7}])
def test_a_login_that_cannot_work_ends_the_verification_instead_of_spinning(
    ours: Ours, control: Control, secret: dict[str, Any]
) -> None:
    account = ours(status=AccountStatus.PENDING, verified_at=None)
    account.credential.secret = secret
    account.credential.save()
    task = verify_account(account=account, by="test")
    run_lanes()
    account.refresh_from_db()
    assert refreshed(task).state == TaskState.FAILED
    assert account.status == AccountStatus.ERROR
    assert "access token" in account.status_reason
    assert control.requests() == []


def test_a_lane_that_cannot_be_run_rests_and_says_why(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("session")

    monkeypatch.setattr("automation.engine.runner.registry.open_channel", broken)
    add_dm(account, somebody())
    with pytest.raises(KeyError):
        run_once(account.lane)
    (hold,) = Hold.objects.filter(lane_id=account.pk)
    assert hold.detail == "The lane could not be run: KeyError: 'session'"
    account.refresh_from_db()
    assert account.status == AccountStatus.ACTIVE  # it is not the account's fault
    assert Lane.objects.get(pk=account.pk).next_at == hold.until


def test_a_lane_rests_only_a_moment_after_the_databases_own_trouble(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("the database system is shutting down")

    task = add_dm(account, somebody())
    with monkeypatch.context() as broken:
        broken.setattr("automation.engine.runner.claim", gone)
        with pytest.raises(OperationalError):
            run_once(account.lane)
    hold = Hold.objects.get(lane_id=account.pk)
    assert hold.until is not None
    assert timedelta(0) < hold.until - clock.database_now() <= timedelta(seconds=runner.MOMENT_SECONDS)
    run_lanes(within=2 * runner.MOMENT_SECONDS)
    assert refreshed(task).state == TaskState.COMPLETED


def test_a_unit_that_comes_back_lifts_the_hold_of_its_limit(account: Account, somebody: Somebody) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=1, by="test")
    first = add_dm(account, somebody())
    mine = lease(account.lane)
    (one,) = claim(mine, runner.open_channel(mine), batch=1).claims
    second = add_dm(account, somebody())
    assert not claim(mine, runner.open_channel(mine), batch=1).claims
    assert Hold.objects.get(lane_id=account.pk).reason == Reason.LIMIT
    runner.settle(mine, [Outcome(one, Answer.REFUSED, reason=Reason.REFUSED, error="no")])
    assert not Hold.objects.filter(lane_id=account.pk).exists()
    lanes.release(mine)
    run_lanes()
    assert [refreshed(task).state for task in (first, second)] == [TaskState.FAILED, TaskState.COMPLETED]
    assert used(account) == 1


def started(account: Account, *given: Task) -> tuple[Any, list[Any]]:
    mine = lease(account.lane)
    claims = claim(mine, runner.open_channel(mine), batch=50).claims
    assert {one.task_id for one in claims} == {task.pk for task in given}
    return mine, claims


def test_what_was_not_called_gives_its_unit_back_and_keeps_its_place(
    limited: Account, somebody: Somebody
) -> None:
    task = add_dm(limited, somebody())
    due_at = refreshed(task).due_at
    mine, claims = started(limited, task)
    assert used(limited) == 1
    runner.settle(mine, [Outcome(claims[0], Answer.NOT_CALLED)])
    assert (refreshed(task).state, refreshed(task).due_at) == (TaskState.PENDING, due_at)
    assert last_attempt(task).state == AttemptState.ABANDONED
    assert used(limited) == 0


def test_an_unknown_outcome_keeps_its_unit_and_its_own_error(limited: Account, somebody: Somebody) -> None:
    first, second = add_dm(limited, somebody()), add_dm(limited, somebody())
    mine, claims = started(limited, first, second)
    runner.settle(mine, [Outcome(one, Answer.UNKNOWN, error=f"lost {one.task_id}") for one in claims])
    for task in (first, second):
        assert (refreshed(task).state, refreshed(task).detail) == (TaskState.UNKNOWN, f"lost {task.pk}")
        assert last_attempt(task).state == AttemptState.UNKNOWN
    assert used(limited) == 2


def test_an_outcome_that_comes_twice_counts_once(limited: Account, somebody: Somebody) -> None:
    task = add_dm(limited, somebody())
    mine, claims = started(limited, task)
    outcomes.settle(mine, [Outcome(claims[0], Answer.REFUSED, reason=Reason.REFUSED, error="no")])
    outcomes.settle(mine, [Outcome(claims[0], Answer.DONE)])
    outcomes.settle(mine, [Outcome(claims[0], Answer.REFUSED, reason=Reason.REFUSED, error="no")])
    assert refreshed(task).state == TaskState.FAILED
    assert used(limited) == 0


def test_a_batch_that_took_too_long_puts_the_rest_back(
    limited: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.engine.runner.BATCH_SECONDS", 0.2)
    control.fault("delay", kind="dm", seconds=0.3, count=1)
    sent = [add_dm(limited, somebody()) for _ in range(4)]
    mine, claims = started(limited, *sent)
    results = runner.call_batch(runner.open_channel(mine), claims, time.monotonic())
    assert [one.answer for one in results] == [Answer.DONE] + [Answer.NOT_CALLED] * 3
    runner.settle(mine, results)
    assert used(limited) == 1
    lanes.release(mine)
    run_lanes()
    assert len(arrived(control, *sent)) == 4
    assert used(limited) == 4


def test_cancelling_spares_what_started_and_gives_back_what_was_only_claimed(
    limited: Account, somebody: Somebody
) -> None:
    running, pending = add_dm(limited, somebody()), add_dm(limited, somebody())
    mine = lease(limited.lane)
    channel = runner.open_channel(mine)
    claims = claim(mine, channel, batch=1).claims  # started, since the network proves its acts
    assert tasks.cancel([running.pk, pending.pk], reason=Reason.BY_HAND, by="test") == 1
    assert refreshed(running).state == TaskState.RUNNING
    assert refreshed(pending).state == TaskState.CANCELLED
    Attempt.objects.filter(pk=claims[0].attempt_id).update(state=AttemptState.CLAIMED)
    assert tasks.cancel([running.pk], reason=Reason.BY_HAND, by="test") == 1
    assert refreshed(running).state == TaskState.CANCELLED
    assert used(limited) == 0


def test_reading_is_only_repeated_when_its_answer_is_lost(
    account: Account, somebody: Somebody, control: Control
) -> None:
    control.fault("truncate", kind="reads", count=1)
    task = tasks.add(NewTask(account.pk, ActionKind.FETCH_PROFILE, "read", profile=somebody()))
    run_lanes(within=3.0)
    assert refreshed(task).state == TaskState.COMPLETED
    assert task.attempts.count() == 2
    assert refreshed(task).finished_at - refreshed(task).created_at < timedelta(seconds=10)
