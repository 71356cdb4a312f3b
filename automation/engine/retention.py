"""Keeping the ledger small and nothing forgotten: purging old tasks in small batches, waking lanes whose wake was lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.enums import PACED_ACTS
from accounts.services import purge_allowances
from automation.engine import drain, lanes
from automation.enums import TaskState
from automation.models import Lane, Task
from automation.models.acting import TaskQuerySet
from outreach.lib import clock

BATCH = 1000  # rows a transaction, so that claims never wait for a purge
KEEP = {
    TaskState.COMPLETED: timedelta(days=7),
    TaskState.FAILED: timedelta(days=30),
    TaskState.CANCELLED: timedelta(days=30),
}
KEEP_ALLOWANCES = timedelta(days=60)

PURGE = """
WITH old AS (
    SELECT id FROM automation_task WHERE state = %s AND finished_at < %s ORDER BY finished_at LIMIT %s FOR UPDATE SKIP LOCKED),
said AS (UPDATE automation_message SET task_id = NULL WHERE task_id IN (SELECT id FROM old)),
shown AS (UPDATE automation_publication SET task_id = NULL WHERE task_id IN (SELECT id FROM old)),
tried AS (DELETE FROM automation_attempt WHERE task_id IN (SELECT id FROM old))
DELETE FROM automation_task WHERE id IN (SELECT id FROM old)
"""


def purge(*, dry_run: bool = False) -> int:
    """Delete finished tasks past their time, with their attempts, and counters long closed; returns the tasks deleted.

    What was said and published stays: conversations and publications only lose the link to the task.
    """
    now = clock.database_now()
    if dry_run:
        return sum(old_tasks(state, now - age).count() for state, age in KEEP.items())
    purged = 0
    for state, age in KEEP.items():
        while batch := _purge_batch(state, now - age):
            purged += batch
    purge_allowances(before=now - KEEP_ALLOWANCES)
    drain.sweep()
    return purged


def old_tasks(state: str, before: datetime) -> TaskQuerySet:
    """The finished tasks a purge would delete."""
    return Task.objects.filter(state=state, finished_at__lt=before)


def _purge_batch(state: str, before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(PURGE, [state, before, BATCH])
        return int(cursor.rowcount)


def recover_lanes() -> int:
    """Wake lanes with due work that are not due themselves (their writer died between commit and wake); returns how many."""
    now = clock.database_now()
    before = now - timedelta(seconds=5)
    free_of_pace = (
        Q(lane__people_until__isnull=True) | Q(lane__people_until__lte=now) | ~Q(kind__in=PACED_ACTS)
    )
    pending = Task.objects.overdue(before).filter(free_of_pace, lane=OuterRef("pk"))
    unclear = Task.objects.filter(lane=OuterRef("pk"), state=TaskState.UNKNOWN, due_at__lt=before)
    asleep = Q(next_at__isnull=True) | Q(next_at__gt=now)
    forgotten = Lane.objects.filter(asleep, Exists(pending) | Exists(unclear), lease_until__isnull=True)
    ids = list(forgotten.values_list("pk", flat=True))
    lanes.rouse(ids)
    return len(ids)
