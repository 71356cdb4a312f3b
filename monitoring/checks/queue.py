"""Background jobs are taken from the queue."""

from collections.abc import Iterator
from datetime import datetime

from monitoring.checks.finding import Finding, warning
from outreach.lib import queue

BACKLOG = (
    200  # a nudge per few lanes and a handful of long jobs; more means they come faster than they are done
)


def look(now: datetime) -> Iterator[Finding]:
    waiting = queue.backlog()
    if waiting > BACKLOG:
        yield warning(
            "queue",
            f"{waiting} background jobs wait.",
            "python manage.py up; if it runs, add workers with WORKERS",
        )
