"""Acts with an unclear outcome that only a person can settle."""

from collections.abc import Iterator
from datetime import datetime

from automation.enums import TaskState
from automation.models import Task
from monitoring.checks.finding import Finding, warning

COUNTED = 1000


def look(now: datetime) -> Iterator[Finding]:
    parked = Task.objects.filter(state=TaskState.UNKNOWN, due_at__isnull=True)
    count = len(parked.order_by()[:COUNTED].values_list("pk"))
    if count:
        yield warning(
            "parked",
            f"{count}{' or more' if count == COUNTED else ''} acts may or may not have happened; "
            "none is repeated until a person has looked.",
            "Admin, Tasks, state Unknown: look at the network, then mark each as done or not done.",
        )
