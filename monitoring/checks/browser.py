"""The browser comes up where it is wanted, and nobody stands in line for it for long."""

from collections.abc import Iterator
from datetime import datetime

from automation.browsing.standing import Standing, standing
from monitoring import heartbeats
from monitoring.checks.finding import Finding, error, warning
from monitoring.models import HeartbeatKind

DEEP = 10  # waiting at once
LONG = 300.0  # seconds


def is_long(line: Standing) -> bool:
    """Whether too many stand in line, or one has for too long."""
    return line.in_line > DEEP or line.longest_wait > LONG


def look(now: datetime) -> Iterator[Finding]:
    for row in heartbeats.alive(HeartbeatKind.BROWSER, now):
        if row.detail.get("state") == "degraded":
            yield error(
                "browser",
                f"There is no browser on {row.host}: {row.detail.get('reason', '')} Sites that need one wait; all others go on.",
                "It is tried again by itself. To install a Chromium: python manage.py browser --install",
            )
    line = standing()
    if is_long(line):
        yield warning(
            "browser_line",
            f"{line.in_line} wait for a browser, the longest for {line.longest_wait:.0f} seconds; "
            f"{line.taken} of {line.slots} slots are taken.",
            "Raise BROWSER_SLOTS (each act in a browser takes about 150 MB), or give these accounts less to do.",
        )
