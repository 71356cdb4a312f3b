"""Writing tasks. Asking twice for one act, by its dedupe key, is one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.enums import ACTS_UPON_PEOPLE
from automation.engine import attempts, effects, lanes
from automation.enums import Priority, Reason, TaskState
from automation.models import Task
from leads.models import Profile
from outreach.lib import clock, events


@dataclass(frozen=True, slots=True)
class NewTask:
    """What should be done. ``profile`` is the target, whose person is protected by consent where the kind touches them.

    ``due_at`` empty means now.
    """

    account_id: int
    kind: str
    dedupe_key: str
    profile: Profile | None = None
    priority: int = Priority.NORMAL
    due_at: datetime | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    campaign_id: int | None = None
    enrolment_id: int | None = None


def add(new: NewTask) -> Task:
    """Write one task, or return the one that already has its dedupe key; its lane is woken on commit."""
    add_many([new])
    return Task.objects.get(dedupe_key=new.dedupe_key)


def add_many(new: Sequence[NewTask]) -> None:
    """Write many tasks in one statement, leaving out those whose dedupe key exists; their lanes are woken on commit."""
    if not new:
        return
    now = clock.database_now()
    Task.objects.bulk_create([_row(task, now) for task in new], ignore_conflicts=True, batch_size=1000)
    earliest: dict[int, tuple[datetime, int]] = {}
    for task in new:
        due, priority = earliest.get(
            task.account_id, (now if task.due_at is None else task.due_at, task.priority)
        )
        earliest[task.account_id] = (min(due, task.due_at or now), min(priority, task.priority))
    lanes.wake_on_commit(earliest)


def _row(new: NewTask, now: datetime) -> Task:
    touches = new.kind in ACTS_UPON_PEOPLE and new.profile is not None
    waits = new.due_at is not None and new.due_at > now
    return Task(
        lane_id=new.account_id,
        kind=new.kind,
        priority=new.priority,
        due_at=new.due_at or now,
        reason=Reason.SCHEDULED if waits else Reason.READY,
        dedupe_key=new.dedupe_key,
        person_id=new.profile.person_id if touches and new.profile else None,
        profile=new.profile,
        campaign_id=new.campaign_id,
        enrolment_id=new.enrolment_id,
        payload=new.payload,
    )


@transaction.atomic
def cancel(task_ids: Sequence[int], *, reason: str, by: object, detail: str = "", tell: bool = True) -> int:
    """Cancel what has not started: pending tasks, and claimed attempts before their start. Returns how many.

    Units of claimed attempts go back to their counters. A started act is not recalled: it may have happened. Rows a
    worker holds at this moment are passed over: waiting for them could deadlock, and they are being decided anyway.
    Whoever follows the tasks hears of it, unless ``tell`` is false because the caller sees to that for all at once.
    """
    open_tasks = list(
        Task.objects.filter(id__in=task_ids, state__in=(TaskState.PENDING, TaskState.RUNNING))
        .order_by("id").select_for_update(skip_locked=True).values_list("id", "state")
    )  # fmt: skip
    pending = [task_id for task_id, state in open_tasks if state == TaskState.PENDING]
    running = [task_id for task_id, state in open_tasks if state == TaskState.RUNNING]
    # Only what this very statement gave up is cancelled: a runner may be starting one of them right now.
    ids = pending + attempts.abandon_claimed(running)
    if ids:
        Task.objects.filter(id__in=ids).update(
            state=TaskState.CANCELLED, reason=reason, detail=detail, due_at=None, finished_at=Now()
        )
        if tell:
            effects.ended(ids)
        events.emit("task.cancelled", model="task", ids=ids, by=by, reason=reason)
    return len(ids)


@transaction.atomic
def retry(task: Task, *, by: object) -> None:
    """Run a failed or cancelled task again, as often as a new one, under its old send id, its attempts kept on record.

    An unclear task cannot be retried like this: a person says first whether it took place (``outcomes.decide``).
    """
    changed = Task.objects.filter(pk=task.pk, state__in=(TaskState.FAILED, TaskState.CANCELLED)).update(
        state=TaskState.PENDING,
        reason=Reason.READY,
        detail="",
        due_at=Now(),
        finished_at=None,
        failure_count=0,
    )
    if not changed:
        raise ValueError("Only a failed or cancelled task can be run again.")
    events.emit("task.retried", model="task", ids=[task.pk], by=by)
    lanes.wake_on_commit({task.lane_id: (clock.database_now(), task.priority)})


@transaction.atomic
def reprioritise(task_ids: Sequence[int], *, priority: int, by: object) -> int:
    """Give pending tasks another priority; returns how many."""
    chosen = Task.objects.filter(id__in=task_ids, state=TaskState.PENDING)
    lane_ids = list(chosen.values_list("lane_id", flat=True).distinct())
    changed = chosen.exclude(priority=priority).update(priority=priority)
    now = clock.database_now()
    lanes.wake_on_commit(dict.fromkeys(lane_ids, (now, priority)))
    events.emit("task.reprioritised", model="task", ids=task_ids, by=by, priority=priority)
    return changed
