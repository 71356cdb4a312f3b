"""Workers and the dispatcher are alive."""

from collections.abc import Iterator
from datetime import datetime

from monitoring import heartbeats
from monitoring.checks.finding import Finding, error, warning
from monitoring.models import Heartbeat, HeartbeatKind

START = "python manage.py up"
MISSING = {
    HeartbeatKind.CLUSTER: "No worker cluster is alive: nothing queued is done.",
    HeartbeatKind.DISPATCHER: "No dispatcher is alive: tasks whose time comes later are not started.",
}


def look(now: datetime) -> Iterator[Finding]:
    rows = list(Heartbeat.objects.exclude(kind__in=[HeartbeatKind.SCHEDULE, HeartbeatKind.DRAIN]))
    late = [row for row in rows if heartbeats.is_late(row, now)]
    alive = {row.kind for row in rows if row not in late and row.age(now) < heartbeats.FORGET_AFTER}
    for kind in heartbeats.NEEDED:
        if kind not in alive:
            yield error(kind, MISSING[kind], START)
    for row in late:
        if row.kind in alive or row.kind not in heartbeats.NEEDED:
            yield warning(
                row.kind,
                f"{row.get_kind_display()} {row.name} has been silent for {row.age(now).seconds} seconds.",
                f"Look at its machine ({row.host}), or start it again there: {START}",
            )
