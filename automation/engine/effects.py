"""What a finished task means to the rest of Outreach; campaigns, content and discovery register here, the engine calls.

A handler runs in the transaction that records the outcome, so both are there or neither. One that breaks is undone as a
whole, for its task alone: the outcome stays on record, the task shows "Follow-up failed", the error is logged. Only what
passes by itself (a deadlock, a lost connection) undoes the outcome too; the caller then records it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from django.db import InterfaceError, InternalError, OperationalError, transaction

from automation.models import Task

log = structlog.get_logger(__name__)
PASSING = (OperationalError, InterfaceError, InternalError)  # the database's trouble, not the handler's

Completed = Callable[[Task, Any], None]
Ended = Callable[[Task], None]

_completed: dict[str, list[Completed]] = defaultdict(list)
_ended: dict[str, list[Ended]] = defaultdict(list)
ENROLLED = "enrolled"  # in place of a kind: every task that belongs to an enrolment


def on_completed(*kinds: str) -> Callable[[Completed], Completed]:
    """Register ``handler(task, result)`` for tasks of these kinds that took place."""

    def register(handler: Completed) -> Completed:
        for kind in kinds:
            _completed[kind].append(handler)
        return handler

    return register


def on_ended(*kinds: str) -> Callable[[Ended], Ended]:
    """Register ``handler(task)`` for tasks of these kinds that failed, were cancelled or are unclear; see ``task.state``."""

    def register(handler: Ended) -> Ended:
        for kind in kinds:
            _ended[kind].append(handler)
        return handler

    return register


def _wanted(registry: dict[str, Any], kind: str, enrolment_id: int | None) -> bool:
    return bool(registry.get(kind)) or (enrolment_id is not None and bool(registry.get(ENROLLED)))


def completed(results: dict[int, Any], kinds: Iterable[tuple[int, str, int | None]]) -> None:
    """Tell who wants to know. ``results`` by task id; ``kinds`` gives (task id, kind, enrolment id) of each."""
    wanted = [task_id for task_id, kind, enrolment_id in kinds if _wanted(_completed, kind, enrolment_id)]

    def tell(task: Task) -> None:
        for handler in (*_completed[task.kind], *(_completed[ENROLLED] if task.enrolment_id else ())):
            handler(task, results.get(task.pk))

    _tell_all(_load(wanted), tell)


def ended(task_ids: Iterable[int]) -> None:
    """Tell who wants to know that these tasks will not take place, or that nobody knows."""

    def tell(task: Task) -> None:
        for handler in (*_ended[task.kind], *(_ended[ENROLLED] if task.enrolment_id else ())):
            handler(task)

    _tell_all(_load(task_ids), tell)


def _tell_all(tasks: Sequence[Task], tell: Callable[[Task], None]) -> None:
    """Run the handlers of all tasks; if one breaks, each task's by themselves, so that only the broken one's are undone."""
    if not tasks:
        return
    try:
        with transaction.atomic():
            for task in tasks:
                tell(task)
    except PASSING:
        raise
    except Exception:  # noqa: BLE001 - told apart and logged below, task by task
        for task in _load([task.pk for task in tasks]):
            _tell_alone(task, tell)


def _tell_alone(task: Task, tell: Callable[[Task], None]) -> None:
    """A handler's bug must neither undo the record of an act that took place nor stop the lane: the task shows it."""
    try:
        with transaction.atomic():
            tell(task)
    except PASSING:
        raise
    except Exception as error:
        log.exception("follow_up_failed", task=task.pk, kind=task.kind)
        note = f"Follow-up failed: {type(error).__name__}: {error}"
        Task.objects.filter(pk=task.pk).update(detail=f"{task.detail} {note}".strip()[:500])


def _load(task_ids: Iterable[int]) -> list[Task]:
    ids = list(task_ids)
    if not ids:
        return []
    return list(
        Task.objects.filter(id__in=ids)
        .select_related("lane__account", "profile__person", "campaign")
        .order_by("id")
    )
