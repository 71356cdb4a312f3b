"""The frontier: what is to be looked at next, each thing once. Whoever finds something to look at adds it here;
``feeding`` hands it out, ``reading`` takes in what was seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now

from automation.engine import tasks
from automation.enums import LookState, Priority
from automation.models import FrontierEntry
from automation.models.frontier import FrontierQuerySet
from leads.models import Profile
from outreach.lib import clock, queue

JOB = "automation.jobs.feed_frontier"
MOST_WAITING = 100_000  # a network; beyond it nothing is added that can wait


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at. ``account_id`` empty: any account that can; ``due_at`` empty: now."""

    network: str
    kind: str
    query: str
    origin: str
    priority: int = Priority.LOW
    account_id: int | None = None
    profile_id: int | None = None
    source_id: int | None = None
    cursor: str = ""
    page: int = 0
    due_at: datetime | None = None

    def row(self, now: datetime) -> FrontierEntry:
        """The entry it becomes."""
        return FrontierEntry(
            network=self.network, kind=self.kind, query=self.query[:255], cursor=self.cursor, page=self.page,
            origin=self.origin, priority=self.priority, account_id=self.account_id, profile_id=self.profile_id,
            source_id=self.source_id, due_at=self.due_at or now,
        )  # fmt: skip


def add(looks: Sequence[Look]) -> None:
    """Add what is to be looked at; what waits or is being read already is not added twice, at most made more urgent.

    Nothing is read by this: see ``feeding`` and :func:`nudge`.
    """
    if not looks:
        return
    _hurry([look for look in looks if look.priority <= Priority.HIGH])
    patient = [look for look in looks if look.priority == Priority.LOW]
    if patient and is_full(looks[0].network):
        _put_off([look.profile_id for look in patient if look.profile_id])
        looks = [look for look in looks if look.priority != Priority.LOW]
    now = clock.database_now()
    FrontierEntry.objects.bulk_create(
        [look.row(now) for look in looks], ignore_conflicts=True, batch_size=1000
    )


def is_full(network: str) -> bool:
    """Whether so much waits that what can wait is not added."""
    waiting = FrontierEntry.objects.waiting().filter(network=network).order_by()
    return waiting.values("pk")[MOST_WAITING : MOST_WAITING + 1].exists()


def _put_off(profile_ids: Sequence[int]) -> None:
    """There is no room for these now; who was never read is found again by the clock, like who was read long ago."""
    Profile.objects.filter(pk__in=profile_ids, fetched_at__isnull=True).update(refresh_at=Now())


def _hurry(urgent: Sequence[Look]) -> None:
    """What waits for long, or stands on a lane behind others, comes first now."""
    groups: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for look in urgent:
        groups[look.network, look.kind, look.priority].append(look.query)
    for (network, kind, priority), queries in groups.items():
        same = FrontierEntry.objects.open().filter(network=network, kind=kind, query__in=queries)
        same.filter(state=LookState.WAITING).update(priority=priority, due_at=Now())
        queued = same.filter(state=LookState.QUEUED, task__isnull=False).values_list("task_id", flat=True)
        if ids := list(queued):
            tasks.reprioritise(ids, priority=priority, by="frontier")


def nudge(network: str) -> None:
    """Have a worker hand out what is due, soon after the commit."""
    queue.enqueue(JOB, network, dedupe=f"feed {network}")


def look_of(entry_id: int) -> FrontierEntry | None:
    """The entry a task was written for, locked; ``None`` when it was called off meanwhile or is done already.

    A failed one counts: staff may have had its task run again.
    """
    alive = (LookState.QUEUED, LookState.FAILED)
    entry = FrontierEntry.objects.filter(pk=entry_id, state__in=alive)
    return entry.select_related("source", "account").select_for_update(of=("self",)).first()


def finish(entry: FrontierEntry, state: LookState, detail: str = "", *, from_cache: bool = False) -> None:
    """The entry is over."""
    FrontierEntry.objects.filter(pk=entry.pk).update(
        state=state, detail=detail[:255], from_cache=from_cache, finished_at=Now()
    )


def drop(entries: FrontierQuerySet, why: str) -> int:
    """Call off what still waits; what is being read is left alone. Returns how many."""
    waiting = entries.filter(state=LookState.WAITING)
    return waiting.update(state=LookState.DROPPED, detail=why[:255], finished_at=Now())
