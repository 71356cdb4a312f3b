"""Unclear outcomes: the network is asked whether the act took place before anything else happens to the task."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.enums import ACTS
from automation.channels.base import Channel, ChannelError, Finding, Proof
from automation.engine import failpoints, outcomes, policy
from automation.engine.acts import act_of
from automation.engine.claim import Claim
from automation.engine.lanes import Lease
from automation.enums import Reason, TaskState
from automation.models import Attempt, Task
from outreach.lib import clock

ASK_AT_ONCE = 20  # unclear tasks asked about before the lane's other work goes on
GIVE_UP_AFTER = timedelta(hours=24)  # a network that cannot answer for so long leaves it to a person


def reconcile(lease: Lease, channel: Channel) -> int:
    """Ask about the lane's unclear tasks that are due; returns how many were asked about."""
    due = list(
        Task.objects.filter(lane_id=lease.lane_id, state=TaskState.UNKNOWN, due_at__lte=clock.database_now())
        .select_related("profile").order_by("due_at")[:ASK_AT_ONCE]
    )  # fmt: skip
    for task in due:
        _ask(task, channel)
    return len(due)


def _ask(task: Task, channel: Channel) -> None:
    attempts = list(Attempt.objects.filter(task=task).order_by("number"))
    first = next((a.started_at for a in attempts if a.started_at), task.created_at)
    last = attempts[-1]
    if task.kind not in ACTS:
        _apply(task, last, channel, Finding(Proof.ABSENT))  # reading twice harms nobody
        return
    claim = Claim(
        task.pk, task.kind, task.send_id, task.attempt_count, task.failure_count, task.person_id, task.profile_id,
        task.campaign_id, task.enrolment_id, task.payload,
        task.profile.handle if task.profile else "", task.profile.remote_id if task.profile else "",
    )  # fmt: skip
    try:
        finding = channel.reconcile(act_of(claim, started_at=first))
    except ChannelError as error:
        _ask_later(task, last, str(error))
        return
    failpoints.reach("after_reconcile")
    _apply(task, last, channel, finding)


def _ask_later(task: Task, attempt: Attempt, error: str) -> None:
    """The network did not answer the question: ask again with backoff, and leave it to a person after a day."""
    now = clock.database_now()
    age = now - attempt.deadline
    if age > GIVE_UP_AFTER:
        outcomes.park(task, detail=f"The network could not tell for a day: {error}")
        return
    wait = policy.backoff(min(10, 1 + max(0, int(age.total_seconds() // 10))))
    Task.objects.filter(pk=task.pk, state=TaskState.UNKNOWN).update(
        due_at=now + timedelta(seconds=wait), detail=error[:500]
    )


@transaction.atomic
def _apply(task: Task, attempt: Attempt, channel: Channel, finding: Finding) -> None:
    """Presence proves done. Absence counts only once the last call must be over and the network settled."""
    locked = Task.objects.select_for_update().filter(pk=task.pk, state=TaskState.UNKNOWN).first()
    if locked is None:
        return
    settled_at = attempt.deadline + timedelta(seconds=channel.lag)
    if finding.proof is Proof.PRESENT:
        outcomes.confirm(locked, finding.done, detail="Found on the network after an unclear answer")
    elif finding.proof is Proof.NONE:
        outcomes.park(locked, detail="The network cannot prove whether it took place.")
    elif locked.kind in ACTS and clock.database_now() < settled_at:
        Task.objects.filter(pk=task.pk).update(due_at=settled_at, reason=Reason.RECONCILE)
    else:
        outcomes.send_again(locked)
