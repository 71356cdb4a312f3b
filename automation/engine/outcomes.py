"""What each answer does. One function an outcome; each says its effects, and only counts what it really changed.

Every change of an attempt is conditional on the state it was in, so an outcome that comes late (its attempt was
reconciled meanwhile) changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Case, CharField, Value, When
from django.db.models.functions import Now

from accounts import services as accounts
from automation.channels.base import Done
from automation.engine import attempts, effects, failpoints, lanes, pacing, policy
from automation.engine.lanes import Lease
from automation.engine.shapes import Answer, Outcome
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Lane, Task
from outreach.lib import clock, events

log = structlog.get_logger(__name__)
NOT_THE_TASKS_FAULT = (Reason.RATE_LIMITED, Reason.CREDENTIALS)


def settle(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Record the outcomes of one batch in one transaction, in whatever mix they came; again if it lost a deadlock."""
    for last in (False, False, True):
        try:
            _settle(lease, outcomes)
        except OperationalError:
            if last or connection.needs_rollback or not connection.is_usable():
                raise
            log.warning("settled_again", lane=lease.lane_id, exc_info=True)
        else:
            return


@transaction.atomic
def _settle(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    by_answer: dict[Answer, list[Outcome]] = {answer: [] for answer in Answer}
    for outcome in outcomes:
        by_answer[outcome.answer].append(outcome)
    complete(by_answer[Answer.DONE])
    refuse(by_answer[Answer.REFUSED])
    put_off(lease, by_answer[Answer.LATER])
    leave_unknown(by_answer[Answer.UNKNOWN])
    put_back(lease, by_answer[Answer.NOT_CALLED])
    failpoints.reach("in_settle")


def complete(done: Sequence[Outcome]) -> None:
    """The act took place: task completed with its remote id, attempt done, units kept, effects told."""
    done = attempts.complete(done)
    if not done:
        return
    effects.completed(
        {o.claim.task_id: o.result for o in done},
        [(o.claim.task_id, o.claim.kind, o.claim.enrolment_id) for o in done],
    )
    events.emit("task.completed", model="task", ids=[outcome.claim.task_id for outcome in done])


def refuse(refused: Sequence[Outcome]) -> None:
    """The network said no for good: task failed with the reason, units given back, effects told."""
    refused = attempts.close(refused, AttemptState.REFUSED)
    if not refused:
        return
    _give_back(refused)
    for outcome in refused:
        _fail([outcome.claim.task_id], outcome.reason, outcome.error)


def put_off(lease: Lease, later: Sequence[Outcome]) -> None:
    """Not now: units given back, task pending again at its next time; failed once tried as often as allowed.

    A rate limit or refused credentials hold the whole lane and do not count as the task's own failure.
    """
    later = attempts.close(later, AttemptState.LATER)
    if not later:
        return
    _give_back(later)
    now = clock.database_now()
    for outcome in later:
        if outcome.reason == Reason.RATE_LIMITED:
            until = now + timedelta(seconds=outcome.retry_after or policy.backoff(outcome.claim.number))
            lanes.hold(lease.lane_id, kind="", reason=Reason.RATE_LIMITED, until=until, detail=outcome.error)
        if outcome.reason == Reason.CREDENTIALS:
            account = Lane.objects.select_related("account").get(pk=lease.lane_id).account
            accounts.mark_error(account=account, reason=outcome.error, by="engine")
        _again(outcome, now)


def _again(outcome: Outcome, now: datetime) -> None:
    claim = outcome.claim
    failures = claim.failures + (outcome.reason not in NOT_THE_TASKS_FAULT)
    if failures >= policy.count("max_attempts"):
        _fail([claim.task_id], Reason.EXHAUSTED, outcome.error)
        return
    wait = outcome.retry_after if outcome.retry_after is not None else policy.backoff(max(failures, 1))
    _pending(
        [claim.task_id], due_at=now + timedelta(seconds=wait), reason=outcome.reason, detail=outcome.error
    )
    Task.objects.filter(pk=claim.task_id).update(failure_count=failures)


def leave_unknown(unknown: Sequence[Outcome]) -> None:
    """It may have happened: units kept, task unknown and due for reconciling at once."""
    unknown = attempts.close(unknown, AttemptState.UNKNOWN)
    if not unknown:
        return
    for outcome in unknown:
        Task.objects.filter(pk=outcome.claim.task_id).update(
            state=TaskState.UNKNOWN, due_at=Now(), reason=Reason.RECONCILE, detail=outcome.error[:500]
        )


def put_back(lease: Lease, not_called: Sequence[Outcome]) -> None:
    """We know that we never called: units given back, task pending as if it had not been claimed.

    Where something of ours was missing, its kind waits in the lane and says what for; the sending gap has not begun.
    """
    ids = [outcome.claim.attempt_id for outcome in not_called]
    if not ids:
        return
    tasks = attempts.abandon(ids)
    # Its due time was never touched: it keeps its place in the order.
    Task.objects.filter(id__in=tasks).update(state=TaskState.PENDING, reason=Reason.READY, detail="")
    for outcome in not_called:
        if outcome.reason and outcome.claim.task_id in tasks:
            _await(lease, outcome)


def _await(lease: Lease, outcome: Outcome) -> None:
    until = clock.database_now() + timedelta(seconds=outcome.retry_after or policy.backoff(1))
    lanes.hold(
        lease.lane_id, kind=outcome.claim.kind, reason=outcome.reason, until=until, detail=outcome.error
    )
    pacing.forget_gap(lease.lane_id, outcome.claim.kind)


def cancelled(task_ids: Sequence[int], *, reason: str, detail: str = "") -> None:
    """These tasks will not take place: cancelled with a reason, effects told. Their attempts are dealt with already."""
    if task_ids:
        Task.objects.filter(id__in=task_ids).update(
            state=TaskState.CANCELLED, reason=reason, detail=detail, due_at=None, finished_at=Now()
        )
        effects.ended(task_ids)
        events.emit("task.cancelled", model="task", ids=task_ids, reason=reason)


@transaction.atomic
def decide(task: Task, *, took_place: bool, by: object) -> None:
    """A person settles an unclear task: it took place (completed, units kept) or it did not (failed, units given back)."""
    locked = Task.objects.select_for_update().filter(pk=task.pk, state=TaskState.UNKNOWN).first()
    if locked is None:
        raise ValueError("Only a task with an unclear outcome can be decided by hand.")
    if took_place:
        confirm(locked, Done(), detail=f"Confirmed by {by}")
    else:
        attempts.give_back_unclear(locked)
        _fail([locked.pk], Reason.BY_HAND, f"Did not take place, says {by}")
    events.emit("task.decided", model="task", ids=[task.pk], by=by, took_place=took_place)


def confirm(task: Task, done: Done, *, detail: str = "") -> None:
    """An unclear task turned out to have taken place: completed, last attempt done, units kept, effects told."""
    changed = Task.objects.filter(pk=task.pk, state=TaskState.UNKNOWN).update(
        state=TaskState.COMPLETED, due_at=None, reason=Reason.READY, detail=detail, finished_at=Now(),
        remote_id=done.remote_id, url=done.url,
    )  # fmt: skip
    if changed:
        Attempt.objects.filter(task=task, number=task.attempt_count).update(state=AttemptState.DONE)
        effects.completed({task.pk: done}, [(task.pk, task.kind, task.enrolment_id)])
        events.emit("task.completed", model="task", ids=[task.pk])


def send_again(task: Task) -> None:
    """An unclear task is proved not to have taken place: units given back, pending under its old send id.

    It counts as a try that failed, and as the last one when the maximum is reached; a worker's death does not count,
    but the third one parks the task.
    """
    attempts.give_back_unclear(task)
    died = attempts.died_with(task)
    if died and quarantine(task):
        return
    failures = task.failure_count + (not died)
    if failures >= policy.count("max_attempts"):
        _fail([task.pk], Reason.EXHAUSTED, "Tried as often as allowed; the network never took it.")
    else:
        _pending([task.pk], due_at=None, reason=Reason.READY)
        Task.objects.filter(pk=task.pk).update(failure_count=failures)


def quarantine(task: Task) -> bool:
    """Park a task whose worker died so often that it may well be the cause; true if it was parked.

    The caller has given its units back: nothing of it is under way.
    """
    lost = Attempt.objects.filter(task=task, error=attempts.WORKER_ENDED).count()
    if lost < policy.POISON_AFTER:
        return False
    park(task, reason=Reason.POISON, detail=f"{lost} workers ended while they ran it.")
    return True


def park(task: Task, *, reason: str = Reason.PARKED, detail: str = "") -> None:
    """Nobody can tell whether it took place: it stays unknown, keeps its units and waits for a person."""
    Task.objects.filter(pk=task.pk).update(
        state=TaskState.UNKNOWN, due_at=None, reason=reason, detail=detail[:500]
    )
    effects.ended([task.pk])
    events.emit("task.parked", model="task", ids=[task.pk], reason=reason)


def _give_back(outcomes: Iterable[Outcome]) -> None:
    attempts.give_back(unit for outcome in outcomes for unit in outcome.claim.allowances)


def _fail(task_ids: Sequence[int], reason: str, error: str) -> None:
    Task.objects.filter(id__in=task_ids).update(
        state=TaskState.FAILED, reason=reason, detail=error[:500], due_at=None, finished_at=Now()
    )
    effects.ended(task_ids)
    events.emit("task.failed", model="task", ids=task_ids, reason=reason)


def _pending(task_ids: Sequence[int], *, due_at: datetime | None, reason: str, detail: str = "") -> None:
    Task.objects.filter(id__in=task_ids).update(
        state=TaskState.PENDING, due_at=due_at or Now(), reason=reason, detail=detail[:500], finished_at=None
    )


def _by_task(values: dict[int, str]) -> Case:
    return Case(*(When(pk=pk, then=Value(value)) for pk, value in values.items()), output_field=CharField())
