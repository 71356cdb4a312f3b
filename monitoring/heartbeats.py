"""Who is alive: processes and schedules beat, and one that stops is late."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from automation import schedule
from monitoring.models import Heartbeat, HeartbeatKind
from outreach.lib.clock import database_now

# Seconds without a beat after which a process counts as gone. Schedules have their own interval.
PATIENCE = {
    HeartbeatKind.WEB: 120.0,
    HeartbeatKind.CLUSTER: 30.0,
    HeartbeatKind.DRAIN: 30.0,
    HeartbeatKind.DISPATCHER: 30.0,
    HeartbeatKind.BROWSER: 60.0,
}
# How often each schedule should run.
INTERVALS = {entry.name: timedelta(minutes=entry.minutes) for entry in schedule.TABLE}
# Without these nothing is done.
NEEDED = (HeartbeatKind.CLUSTER, HeartbeatKind.DISPATCHER)
# Late processes older than this are history, not news: they were replaced or moved long ago.
FORGET_AFTER = timedelta(days=1)


def beat(name: str, kind: str, detail: dict[str, Any] | None = None) -> None:
    """Note that ``name`` lives now, in one statement. The first beat sets ``started_at``."""
    row = Heartbeat(
        name=name[:128],
        kind=kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        beat_at=Now(),
        detail=detail or {},
    )
    Heartbeat.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["kind", "host", "pid", "beat_at", "detail"],
    )


def end(name: str) -> None:
    """Forget a process that stopped on purpose, so that it never counts as late."""
    Heartbeat.objects.filter(name=name).delete()


def process_name(kind: str, pid: int | None = None) -> str:
    """The heartbeat name of process ``pid`` on this machine, or of this process."""
    return f"{kind}@{socket.gethostname()}:{pid or os.getpid()}"


def schedule_name(name: str) -> str:
    """The heartbeat name of a schedule."""
    return f"schedule:{name}"


def alive(kind: str, now: datetime | None = None) -> list[Heartbeat]:
    """The processes of one kind that beat within their patience, the freshest first."""
    since = (now or database_now()) - timedelta(seconds=PATIENCE[HeartbeatKind(kind)])
    return list(Heartbeat.objects.filter(kind=kind, beat_at__gte=since).order_by("-beat_at"))


def late(now: datetime | None = None) -> list[Heartbeat]:
    """Processes that stopped beating and schedules late by half their interval; drains come and go."""
    now = now or database_now()
    rows = Heartbeat.objects.exclude(kind=HeartbeatKind.DRAIN).order_by("kind", "name")
    return [row for row in rows if is_late(row, now)]


def is_late(row: Heartbeat, now: datetime) -> bool:
    """Whether one heartbeat is overdue and still news."""
    if row.kind == HeartbeatKind.SCHEDULE:
        interval = INTERVALS.get(row.name.removeprefix("schedule:"))
        return interval is not None and row.age(now) > interval * 1.5
    patience = timedelta(seconds=PATIENCE[HeartbeatKind(row.kind)])
    return patience < row.age(now) < FORGET_AFTER


def gone(before: datetime) -> QuerySet[Heartbeat]:
    """Processes silent since ``before``."""
    return Heartbeat.objects.exclude(kind=HeartbeatKind.SCHEDULE).filter(beat_at__lt=before)


def forget(before: datetime) -> int:
    """Delete heartbeats of processes silent since ``before``; returns how many. Schedules are kept."""
    return gone(before).delete()[0]
