"""Unclear outcomes: the network is asked whether the act took place before anything else happens to the task."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from accounts import services as accounts
from accounts.models import Account
from automation.channels.base import (
    AuthFailed,
    Channel,
    ChannelError,
    Finding,
    NotCalled,
    NotFound,
    Proof,
    Refused,
    TryLater,
)
from automation.engine import breaker, failpoints, lanes, outcomes, policy
from automation.engine.acts import act_of
from automation.engine.lanes import Lease
from automation.engine.shapes import Claim
from automation.enums import Reason, TaskState
from automation.models import Attempt, Task
from outreach.lib import clock

log = structlog.get_logger(__name__)
ASK_SECONDS = 1.0
ASK_AT_ONCE = 20  # unclear tasks asked about before the lane's other work goes on
GIVE_UP_AFTER = timedelta(hours=24)  # a network that cannot answer for so long leaves it to a person


def reconcile(lease: Lease, channel: Channel) -> int:
    """Ask about the lane's unclear tasks that are due; returns how many were asked about.

    Nobody asks while the whole lane is held (slowed down, failing, not working), for longer than a batch may take, or
    after a question that got no answer.
    """
    began = time.monotonic()
    if lanes.is_held(lease.lane_id):
        return 0
    due = list(
        Task.objects.filter(lane_id=lease.lane_id, state=TaskState.UNKNOWN, due_at__lte=clock.database_now())
        .select_related("profile").order_by("due_at")[:ASK_AT_ONCE]
    )  # fmt: skip
    for asked, task in enumerate(due, start=1):
        if not _ask(lease, task, channel) or time.monotonic() - began > ASK_SECONDS:
            return asked
    return len(due)


def _ask(lease: Lease, task: Task, channel: Channel) -> bool:
    """Ask about one task; false when the network did not answer."""
    attempts = list(Attempt.objects.filter(task=task).order_by("number"))
    first = next((a.started_at for a in attempts if a.started_at), task.created_at)
    last = attempts[-1]
    asked_at = clock.database_now()
    try:
        finding = channel.reconcile(act_of(_claim_of(task), started_at=first))
    except Exception as error:  # noqa: BLE001 - a driver's bug is told apart below
        _no_answer(lease, task, last, error)
        return False
    failpoints.reach("after_reconcile")
    _apply(task, last, channel, finding, asked_at)
    return True


def _claim_of(task: Task) -> Claim:
    return Claim(
        task.pk, task.kind, task.send_id, task.attempt_count, task.failure_count, task.person_id, task.profile_id,
        task.campaign_id, task.enrolment_id, task.payload,
        task.profile.handle if task.profile else "", task.profile.remote_id if task.profile else "",
    )  # fmt: skip


@transaction.atomic
def _no_answer(lease: Lease, task: Task, attempt: Attempt, error: Exception) -> None:
    """The network did not answer the question: what that says of the lane counts, and the question is asked again."""
    if not isinstance(error, ChannelError):
        log.exception("channel_bug", task=task.pk, kind=task.kind, exc_info=error)
    now = clock.database_now()
    if isinstance(error, NotCalled):
        _ask_once_possible(task, error, now)
        return
    if isinstance(error, AuthFailed):
        account = Account.objects.get(pk=lease.lane_id)
        accounts.mark_error(account=account, reason=str(error), by="engine")
    elif isinstance(error, TryLater) and error.rate_limited:
        until = now + timedelta(seconds=error.retry_after or policy.backoff(1))
        lanes.hold(lease.lane_id, kind="", reason=Reason.RATE_LIMITED, until=until, detail=str(error))
    elif not isinstance(error, Refused | NotFound):  # those are answers
        breaker.count_silence(lease, str(error))
    _ask_later(task, attempt, str(error) or type(error).__name__, now)


def _ask_once_possible(task: Task, error: NotCalled, now: datetime) -> None:
    """Nobody was asked, so that no time has run out: however long that lasts, it is left to nobody."""
    wait = error.retry_after or policy.backoff(1)
    Task.objects.filter(pk=task.pk, state=TaskState.UNKNOWN).update(
        due_at=now + timedelta(seconds=wait), detail=str(error)[:500]
    )


def _ask_later(task: Task, attempt: Attempt, error: str, now: datetime) -> None:
    """Ask again with backoff; leave it to a person after a day."""
    age = now - attempt.deadline
    if age > GIVE_UP_AFTER:
        outcomes.park(task, detail=f"The network could not tell for a day: {error}")
        return
    wait = policy.backoff(min(10, 1 + max(0, int(age.total_seconds() // 10))))
    Task.objects.filter(pk=task.pk, state=TaskState.UNKNOWN).update(
        due_at=now + timedelta(seconds=wait), detail=error[:500]
    )


@transaction.atomic
def _apply(task: Task, attempt: Attempt, channel: Channel, finding: Finding, asked_at: datetime) -> None:
    """Presence proves done. Absence counts only if asked after the last call must be over and the network settled.

    An answer about an attempt that is not the last one any more (we slept, somebody else sent again) says nothing.
    """
    locked = (
        Task.objects.select_for_update()
        .filter(pk=task.pk, state=TaskState.UNKNOWN, attempt_count=attempt.number).first()
    )  # fmt: skip
    if locked is None:
        return
    settled_at = attempt.deadline + timedelta(seconds=channel.lag)
    if finding.proof is Proof.PRESENT:
        outcomes.confirm(locked, finding.done, detail="Found on the network after an unclear answer")
    elif finding.proof is Proof.NONE:
        outcomes.park(locked, detail="The network cannot prove whether it took place.")
    elif asked_at < settled_at:
        Task.objects.filter(pk=task.pk).update(due_at=settled_at, reason=Reason.RECONCILE)
    else:
        outcomes.send_again(locked)
