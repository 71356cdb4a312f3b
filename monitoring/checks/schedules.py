"""Schedules run when they should: late is half an interval after the time."""

from collections.abc import Iterator
from datetime import datetime

from monitoring import heartbeats
from monitoring.checks.finding import Finding, warning
from monitoring.models import Heartbeat, HeartbeatKind

MEND = "python manage.py up; if it runs, look for its errors in the admin under Errors"


def look(now: datetime) -> Iterator[Finding]:
    ran = {row.name: row.beat_at for row in Heartbeat.objects.filter(kind=HeartbeatKind.SCHEDULE)}
    # A schedule that never ran is late once there has been somebody to run it for long enough.
    since = min((row.started_at for row in heartbeats.alive(HeartbeatKind.CLUSTER, now)), default=now)
    for name, interval in heartbeats.INTERVALS.items():
        last = ran.get(heartbeats.schedule_name(name))
        if now - (last or since) > interval * 1.5:
            when = f"last ran {(now - last).total_seconds():.0f} seconds ago" if last else "has never run"
            yield warning(
                "schedule",
                f"{name} {when}; it should run every {interval.total_seconds():.0f} seconds.",
                MEND,
            )
