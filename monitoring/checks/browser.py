"""The browser comes up where it is wanted, and nobody stands in line for it for long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from automation.browsing import slots
from automation.models import BrowserWait
from monitoring import heartbeats
from monitoring.checks.finding import Finding, error, warning
from monitoring.models import HeartbeatKind

DEEP = 10  # waiting at once
LONG = timedelta(minutes=5)


def look(now: datetime) -> Iterator[Finding]:
    for row in heartbeats.alive(HeartbeatKind.BROWSER, now):
        if row.detail.get("state") == "degraded":
            yield error(
                "browser",
                f"There is no browser on {row.host}: {row.detail.get('reason', '')} Sites that need one wait; all others go on.",
                "It is tried again by itself. To install a Chromium: python manage.py browser --install",
            )
    since = list(BrowserWait.objects.order_by("since").values_list("since", flat=True)[: DEEP + 1])
    if len(since) > DEEP or (since and now - since[0] > LONG):
        yield warning(
            "browser_line",
            f"{BrowserWait.objects.count()} wait for a browser, the longest for {(now - since[0]).total_seconds():.0f} "
            f"seconds; there are {slots.capacity()} slots.",
            "Raise BROWSER_SLOTS (each act in a browser takes about 150 MB), or give these accounts less to do.",
        )
