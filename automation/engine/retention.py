"""Keeping the ledger small and nothing forgotten: purging old tasks in small batches, waking lanes whose wake was lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.models import Allowance
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
    while _purge_allowances(now - KEEP_ALLOWANCES):
        pass
    drain.sweep()
    return purged


def old_tasks(state: str, before: datetime) -> TaskQuerySet:
    """The finished tasks a purge would delete."""
    return Task.objects.filter(state=state, finished_at__lt=before)


def _purge_batch(state: str, before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(PURGE, [state, before, BATCH])
        return int(cursor.rowcount)


def _purge_allowances(before: datetime) -> int:
    ids = list(Allowance.objects.filter(closes_at__lt=before).values_list("pk", flat=True)[:BATCH])
    return Allowance.objects.filter(pk__in=ids).delete()[0]


def recover_lanes() -> int:
    """Wake lanes with due work that are not due themselves (their writer died between commit and wake); returns how many."""
    now = clock.database_now()
    due = Task.objects.filter(
        Q(state=TaskState.PENDING) | Q(state=TaskState.UNKNOWN),
        lane=OuterRef("pk"),
        due_at__lte=now - timedelta(seconds=5),
    )
    forgotten = Lane.objects.filter(
        Q(next_at__isnull=True) | Q(next_at__gt=now), lease_until__isnull=True, holds__isnull=True
    )
    forgotten = forgotten.filter(Q(people_until__isnull=True) | Q(people_until__lte=now)).filter(Exists(due))
    ids = list(forgotten.values_list("pk", flat=True))
    lanes.rouse(ids)
    return len(ids)
