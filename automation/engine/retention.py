"""How long tasks are kept once they are over. What was said and published stays: it only loses the link to its task."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import connection

from automation.engine import drain
from automation.enums import TaskState
from automation.models import Drain, Task
from automation.models.acting import TaskQuerySet
from outreach.lib import retention

KEEP = {
    TaskState.COMPLETED: timedelta(days=7),
    TaskState.FAILED: timedelta(days=30),
    TaskState.CANCELLED: timedelta(days=30),
}

PURGE = """
WITH old AS MATERIALIZED (
    SELECT id FROM automation_task WHERE state = %s AND finished_at < %s ORDER BY finished_at LIMIT %s FOR UPDATE SKIP LOCKED),
said AS (UPDATE automation_message SET task_id = NULL WHERE task_id IN (SELECT id FROM old)),
shown AS (UPDATE automation_publication SET task_id = NULL WHERE task_id IN (SELECT id FROM old)),
tried AS (DELETE FROM automation_attempt WHERE task_id IN (SELECT id FROM old))
DELETE FROM automation_task WHERE id IN (SELECT id FROM old)
"""


def register() -> None:
    """Announce our rules; called once when Django starts."""
    for state, keep in KEEP.items():
        retention.register(
            retention.Rule(f"{state} tasks", keep, partial(_count, state), partial(_forget, state))
        )
    retention.register(
        retention.Rule(
            "drains", 12 * drain.GONE_AFTER,
            count=lambda before: Drain.objects.filter(beat_at__lt=before).count(),
            forget=lambda _before, _batch: drain.sweep(),
        )
    )  # fmt: skip


def old_tasks(state: str, before: datetime) -> TaskQuerySet:
    """The finished tasks a purge would delete."""
    return Task.objects.filter(state=state, finished_at__lt=before)


def _count(state: str, before: datetime) -> int:
    return old_tasks(state, before).count()


def _forget(state: str, before: datetime, batch: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(PURGE, [state, before, batch])
        return int(cursor.rowcount)
