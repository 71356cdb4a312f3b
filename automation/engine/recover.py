"""Attempts whose worker is gone: what never started is put back, what may have happened becomes unclear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from accounts.enums import ACTS
from automation.engine import attempts, outcomes
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Task
from outreach.lib import clock, prepared


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
    ((attempts_overdue, tasks_due),) = prepared.rows(LOOK, {"lane": lane_id})
    return Overdue(attempts_overdue, tasks_due)


@transaction.atomic
def recover(lane_id: int) -> int:
    """Deal with the lane's attempts that are past their deadline; returns how many there were.

    An act that was started: its units stay, the task is unknown and due for reconciling, which decides. What was only
    claimed, and whatever only reads: the units go back and the task is pending again, since reading twice harms nobody. A
    task whose worker died three times is parked, so that it cannot take a fourth one down.
    """
    dead = Attempt.objects.filter(task__lane_id=lane_id, deadline__lt=clock.database_now())
    harmless = dead.filter(
        Q(state=AttemptState.CLAIMED) | Q(state=AttemptState.STARTED) & ~Q(task__kind__in=ACTS)
    )
    return _make_unclear(lane_id) + _put_back(list(harmless.values_list("task_id", flat=True)))


MAKE_UNCLEAR = """
WITH dead AS (
    UPDATE automation_attempt AS attempt SET state = 'unknown', finished_at = now(), error = %(error)s
    FROM automation_task AS task
    WHERE task.id = attempt.task_id AND task.lane_id = %(lane)s AND task.kind = ANY(%(acts)s)
      AND attempt.state = 'started' AND attempt.deadline < now()
    RETURNING attempt.task_id)
UPDATE automation_task AS task
SET state = 'unknown', due_at = now(), reason = %(reason)s, detail = %(error)s
FROM dead WHERE task.id = dead.task_id
"""


def _make_unclear(lane_id: int) -> int:
    given: dict[str, Any] = {
        "lane": lane_id,
        "acts": [str(kind) for kind in ACTS],
        "error": attempts.WORKER_ENDED,
        "reason": str(Reason.RECONCILE),
    }
    with connection.cursor() as cursor:
        cursor.execute(MAKE_UNCLEAR, given)
        return int(cursor.rowcount)


def _put_back(task_ids: list[int]) -> int:
    # In the order of tasks.cancel, task before attempt, and never waiting: what is locked is being cancelled.
    chosen = Task.objects.filter(id__in=task_ids).order_by("id").select_for_update(skip_locked=True)
    by_kind = {task.pk: task.kind for task in chosen}
    acts = [pk for pk, kind in by_kind.items() if kind in ACTS]
    given_up = attempts.abandon_claimed(acts, error=attempts.WORKER_ENDED)
    given_up += attempts.abandon_lost([pk for pk in by_kind if pk not in acts])
    tasks = Task.objects.filter(id__in=given_up, state=TaskState.RUNNING)
    put_back = list(tasks)
    tasks.update(state=TaskState.PENDING, reason=Reason.READY, detail=attempts.WORKER_ENDED)
    for task in put_back:
        outcomes.quarantine(task)
    return len(put_back)
