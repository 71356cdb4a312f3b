"""What a finished task means to the rest of Outreach; campaigns, content and discovery register here, the engine calls.

A handler runs in the transaction that records the outcome: either both are there or neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from automation.models import Task

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
    for task in _load(wanted):
        for handler in (*_completed[task.kind], *(_completed[ENROLLED] if task.enrolment_id else ())):
            handler(task, results.get(task.pk))


def ended(task_ids: Iterable[int]) -> None:
    """Tell who wants to know that these tasks will not take place, or that nobody knows."""
    for task in _load(task_ids):
        for handler in (*_ended[task.kind], *(_ended[ENROLLED] if task.enrolment_id else ())):
            handler(task)


def _load(task_ids: Iterable[int]) -> list[Task]:
    ids = list(task_ids)
    if not ids:
        return []
    return list(
        Task.objects.filter(id__in=ids)
        .select_related("lane__account", "profile__person", "campaign")
        .order_by("id")
    )
