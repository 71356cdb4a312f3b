"""What each answer does. One function an outcome; each says its effects, and only counts what it really changed.

Every change of an attempt is conditional on the state it was in, so an outcome that comes late (its attempt was
reconciled meanwhile) changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, CharField, Value, When
from django.db.models.functions import Now

from accounts import limits
from accounts import services as accounts
from automation.channels.base import Done
from automation.engine import effects, lanes, policy
from automation.engine.acts import Answer, Outcome
from automation.engine.lanes import Lease
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Lane, Task
from outreach.lib import clock, events

OPEN = (AttemptState.CLAIMED, AttemptState.STARTED)
NOT_THE_TASKS_FAULT = (Reason.RATE_LIMITED, Reason.CREDENTIALS)


@transaction.atomic
def settle(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Record the outcomes of one batch in one transaction, in whatever mix they came."""
    by_answer: dict[Answer, list[Outcome]] = {answer: [] for answer in Answer}
    for outcome in outcomes:
        by_answer[outcome.answer].append(outcome)
    complete(by_answer[Answer.DONE])
    refuse(by_answer[Answer.REFUSED])
    put_off(lease, by_answer[Answer.LATER])
    leave_unknown(by_answer[Answer.UNKNOWN])
    put_back(by_answer[Answer.NOT_CALLED])
    count_failures(lease, outcomes)


def complete(done: Sequence[Outcome]) -> None:
    """The act took place: task completed with its remote id, attempt done, units kept, effects told."""
    done = _close(done, AttemptState.DONE)
    if not done:
        return
    ids = [outcome.claim.task_id for outcome in done]
    proofs = {
        o.claim.task_id: o.result
        for o in done
        if isinstance(o.result, Done) and (o.result.remote_id or o.result.url)
    }
    changes = {
        "state": TaskState.COMPLETED,
        "due_at": None,
        "reason": Reason.READY,
        "detail": "",
        "finished_at": Now(),
    }
    Task.objects.filter(id__in=[i for i in ids if i not in proofs]).update(**changes)
    if proofs:
        Task.objects.filter(id__in=proofs).update(
            remote_id=_by_task({i: done.remote_id for i, done in proofs.items()}),
            url=_by_task({i: done.url for i, done in proofs.items()}),
            **changes,
        )
    effects.completed(
        {o.claim.task_id: o.result for o in done},
        [(o.claim.task_id, o.claim.kind, o.claim.enrolment_id) for o in done],
    )
    events.emit("task.completed", model="task", ids=ids)


def refuse(refused: Sequence[Outcome]) -> None:
    """The network said no for good: task failed with the reason, units given back, effects told."""
    refused = _close(refused, AttemptState.REFUSED)
    if not refused:
        return
    _give_back(refused)
    for outcome in refused:
        _fail([outcome.claim.task_id], outcome.reason, outcome.error)


def put_off(lease: Lease, later: Sequence[Outcome]) -> None:
    """Not now: units given back, task pending again at its next time; failed once tried as often as allowed.

    A rate limit or refused credentials hold the whole lane and do not count as the task's own failure.
    """
    later = _close(later, AttemptState.LATER)
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
    unknown = _close(unknown, AttemptState.UNKNOWN)
    if not unknown:
        return
    Task.objects.filter(id__in=[outcome.claim.task_id for outcome in unknown]).update(
        state=TaskState.UNKNOWN, due_at=Now(), reason=Reason.RECONCILE, detail=unknown[0].error[:500]
    )


def put_back(not_called: Sequence[Outcome]) -> None:
    """We know that we never called: units given back, task pending as if it had not been claimed."""
    ids = [outcome.claim.attempt_id for outcome in not_called]
    if ids:
        tasks = abandon(ids)
        _pending(tasks, due_at=None, reason=Reason.READY)


def abandon(attempt_ids: Sequence[int]) -> list[int]:
    """Give up attempts that were never called: their units go back. Returns the tasks of those it changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt SET state = 'abandoned', finished_at = now() "
            "WHERE id = ANY(%s) AND state IN ('claimed', 'started') RETURNING task_id, allowances",
            [list(attempt_ids)],
        )
        rows = cursor.fetchall()
    limits.give_back(unit for _, units in rows for unit in units)
    return [task_id for task_id, _ in rows]


def abandon_claimed(task_ids: Sequence[int]) -> None:
    """Give up the claimed, not yet started attempts of these tasks; their runners find out when they try to start."""
    ids = Attempt.objects.filter(task_id__in=task_ids, state=AttemptState.CLAIMED).values_list(
        "id", flat=True
    )
    abandon(list(ids))


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
        give_back_unclear(locked)
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


def give_back_unclear(task: Task) -> None:
    """The unclear attempts of a task did not take place: their units go back, once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt SET state = 'abandoned', finished_at = now() "
            "WHERE task_id = %s AND state = 'unknown' RETURNING allowances",
            [task.pk],
        )
        rows = cursor.fetchall()
    limits.give_back(unit for (units,) in rows for unit in units)


def send_again(task: Task) -> None:
    """An unclear task is proved not to have taken place: units given back, pending under its old send id, or exhausted."""
    give_back_unclear(task)
    if task.attempt_count >= policy.count("max_attempts"):
        _fail([task.pk], Reason.EXHAUSTED, "Tried as often as allowed; the network never took it.")
    else:
        _pending([task.pk], due_at=None, reason=Reason.READY)


def park(task: Task, *, reason: str = Reason.PARKED, detail: str = "") -> None:
    """Nobody can tell whether it took place: it stays unknown, keeps its units and waits for a person."""
    Task.objects.filter(pk=task.pk).update(
        state=TaskState.UNKNOWN, due_at=None, reason=reason, detail=detail[:500]
    )
    effects.ended([task.pk])
    events.emit("task.parked", model="task", ids=[task.pk], reason=reason)


def _close(outcomes: Sequence[Outcome], state: str) -> list[Outcome]:
    """Close the started attempts; returns the outcomes whose attempt was still theirs to close."""
    if not outcomes:
        return []
    errors = {o.claim.attempt_id: o.error for o in outcomes if o.error}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt AS a SET state = %s, finished_at = now(), error = COALESCE(given.error, '') "
            "FROM unnest(%s::bigint[], %s::text[]) AS given(id, error) WHERE a.id = given.id AND a.state = 'started' "
            "RETURNING a.id",
            [
                state,
                [o.claim.attempt_id for o in outcomes],
                [errors.get(o.claim.attempt_id, "") for o in outcomes],
            ],
        )
        ours = {row[0] for row in cursor.fetchall()}
    return [outcome for outcome in outcomes if outcome.claim.attempt_id in ours]


def _give_back(outcomes: Iterable[Outcome]) -> None:
    limits.give_back(unit for outcome in outcomes for unit in outcome.claim.allowances)


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


def count_failures(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """The breaker: failures in a row open it, which holds the lane; the next success, a single probe, closes it."""
    failed = 0
    succeeded = False
    for outcome in outcomes:
        if outcome.answer in (Answer.DONE, Answer.REFUSED):
            failed, succeeded = 0, True
        elif outcome.answer is Answer.UNKNOWN or (
            outcome.answer is Answer.LATER and outcome.reason == Reason.RETRY
        ):
            failed += 1
    if not failed and not succeeded:
        return
    lane = Lane.objects.select_for_update().get(pk=lease.lane_id)
    failures = failed if succeeded else lane.failures + failed
    if failures == lane.failures and not (succeeded and lane.breaker_opened_at):
        return
    opened = lane.breaker_opened_at
    if failures >= policy.count("breaker_failures") or (opened and failed):
        now = clock.database_now()
        opened = opened or now
        lanes.hold(
            lane.pk, kind="", reason=Reason.BREAKER_OPEN, until=now + timedelta(seconds=policy.seconds("breaker_seconds")),
            detail=next((o.error for o in reversed(outcomes) if o.error), ""),
        )  # fmt: skip
    elif succeeded:
        opened = None
    if (opened is None) != (lane.breaker_opened_at is None):
        events.emit("breaker.opened" if opened else "breaker.closed", model="account", ids=[lane.pk])
    lane.failures, lane.breaker_opened_at = min(failures, 30_000), opened
    lane.save(update_fields=["failures", "breaker_opened_at"])
