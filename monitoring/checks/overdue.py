"""Due work starts; a queue that stands still shows here, whatever its processes say of themselves."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from automation.models import Lane, Task
from monitoring.checks.finding import Finding, error


def oldest(now: datetime) -> datetime | None:
    """Since when the longest waiting task could have run, or ``None`` when nothing waits.

    Measured from the lane's next time, not the task's: a task whose limit or sending gap has just ended is
    on time, however long ago it was due. A lane that somebody works in is not waiting.
    """
    runnable = Task.objects.overdue(now).filter(lane=OuterRef("pk"))
    lanes = Lane.objects.due(now).filter(Exists(runnable)).order_by("next_at")
    return lanes.values_list("next_at", flat=True).first()


def look(now: datetime) -> Iterator[Finding]:
    since = oldest(now)
    if since and now - since > timedelta(seconds=settings.OVERDUE_ALERT_SECONDS):
        seconds = (now - since).total_seconds()
        yield error(
            "overdue",
            f"The oldest due task has waited for {seconds:.0f} seconds and nothing holds it back.",
            "python manage.py up; if it runs, add places with WORKERS or LANES_AT_ONCE",
        )
