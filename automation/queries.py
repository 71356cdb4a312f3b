"""Questions people ask of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.enums import PACED_ACTS
from automation.enums import Reason, TaskState
from automation.models import Task
from outreach.lib import clock


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a task waits: a reason code, its words, what exactly, and when it may run (``None``: until something changes)."""

    reason: str
    label: str
    detail: str
    next_at: datetime | None


def waiting(task: Task, at: datetime | None = None) -> Waiting:
    """The reason that counts for one task read with ``Task.objects.with_waiting()`` and its lane.

    Of everything that holds it back, what ends last decides.
    """
    at = at or clock.database_now()
    own = Waiting(task.reason, _label(task.reason), task.detail, task.due_at)
    if task.state not in (TaskState.PENDING, TaskState.UNKNOWN):
        # What runs or is over is not "ready": it has a reason only if something went wrong.
        return Waiting(task.reason, _label(task.reason) if task.reason else "", task.detail, None)
    candidates = [own]
    if task.state == TaskState.PENDING:
        if held := getattr(task, "hold_reason", None):
            detail, until = getattr(task, "hold_detail", ""), getattr(task, "hold_until", None)
            candidates.append(Waiting(held, _label(held), detail or "", until))
        if task.kind in PACED_ACTS and task.lane.people_until and task.lane.people_until > at:
            candidates.append(
                Waiting(task.lane.people_reason, _label(task.lane.people_reason), "", task.lane.people_until)
            )
    return max(candidates, key=lambda w: (w.next_at is None, w.next_at or at))


def _label(reason: str) -> str:
    return str(Reason(reason).label)
