"""Attempts whose worker is gone: what never started is put back, what may have happened becomes unclear."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

from automation.engine import outcomes, policy
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Task
from outreach.lib import clock


@dataclass(frozen=True, slots=True)
class Overdue:
    """What a lane has to deal with before its other work: attempts past their deadline, unclear tasks that are due."""

    attempts: bool
    tasks: bool

    @property
    def any(self) -> bool:
        return self.attempts or self.tasks


LOOK = """
SELECT EXISTS (SELECT 1 FROM automation_attempt AS attempt JOIN automation_task AS task ON task.id = attempt.task_id
               WHERE task.lane_id = %(lane)s AND attempt.state IN ('claimed', 'started') AND attempt.deadline < now()),
       EXISTS (SELECT 1 FROM automation_task WHERE lane_id = %(lane)s AND state = 'unknown' AND due_at <= now())
"""


def look(lane_id: int) -> Overdue:
    """One cheap question before the costly ones: almost always there is nothing."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"lane": lane_id})
        return Overdue(*cursor.fetchone())


@transaction.atomic
def recover(lane_id: int) -> int:
    """Deal with the lane's attempts that are past their deadline; returns how many there were.

    Claimed: the units go back and the task is pending again. Started: the units stay, the task is unknown and due for
    reconciling. A task whose worker died three times is parked, so that it cannot take a fourth one down.
    """
    dead = list(
        Attempt.objects.filter(
            task__lane_id=lane_id, state__in=(AttemptState.CLAIMED, AttemptState.STARTED), deadline__lt=clock.database_now()
        ).order_by("task_id").select_for_update(of=("self",)).select_related("task")
    )  # fmt: skip
    if not dead:
        return 0
    started = [attempt for attempt in dead if attempt.state == AttemptState.STARTED]
    claimed = [attempt for attempt in dead if attempt.state == AttemptState.CLAIMED]
    Attempt.objects.filter(id__in=[a.pk for a in started]).update(
        state=AttemptState.UNKNOWN,
        finished_at=clock.database_now(),
        error="Its worker ended without an answer.",
    )
    Task.objects.filter(id__in=[a.task_id for a in started], state=TaskState.RUNNING).update(
        state=TaskState.UNKNOWN,
        due_at=clock.database_now(),
        reason=Reason.RECONCILE,
        detail="Its worker ended.",
    )
    outcomes.abandon([a.pk for a in claimed])
    Task.objects.filter(id__in=[a.task_id for a in claimed], state=TaskState.RUNNING).update(
        state=TaskState.PENDING,
        due_at=clock.database_now(),
        reason=Reason.READY,
        detail="Its worker ended before it began.",
    )
    for attempt in dead:
        _quarantine(attempt.task)
    return len(dead)


def _quarantine(task: Task) -> None:
    lost = Attempt.objects.filter(
        task=task, state__in=(AttemptState.UNKNOWN, AttemptState.ABANDONED), error__startswith="Its worker"
    ).count()
    if lost >= policy.POISON_AFTER and Task.objects.filter(pk=task.pk, state=TaskState.PENDING).exists():
        outcomes.park(task, reason=Reason.POISON, detail=f"{lost} workers ended while they ran it.")
