"""Everything that happens by the clock, in one table; at most twelve. The acts themselves need none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django_q.models import Schedule

PREFIX = "outreach: "  # how ours are told from schedules somebody added by hand


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule: ``job`` is a dotted name in ``jobs``, ``minutes`` the interval."""

    name: str
    job: str
    minutes: int


TABLE = (
    Entry("begin_enrolments", "automation.jobs.begin_forgotten_enrolments", 1),
    Entry("poll_inboxes", "automation.jobs.poll_inboxes", 2),
    Entry("discover", "automation.jobs.discover", 1),
    Entry("recover_lanes", "automation.jobs.recover_lanes", 1),
    Entry("settle_accounts", "automation.jobs.settle_accounts", 10),
    Entry("recover", "automation.jobs.recover", 15),
    Entry("purge", "automation.jobs.purge", 60),
    Entry("alerts", "monitoring.jobs.follow_alerts", 1),
    Entry("checks", "monitoring.jobs.run_checks", 5),
)


@transaction.atomic
def synchronise(**_: Any) -> None:
    """Make django-q2's schedules equal to the table: new ones added, changed ones changed, strangers of ours removed.

    One that stands as it should is not touched, so that its next time stays. Runs after every migrate.
    """
    entries = {f"{PREFIX}{entry.name}": entry for entry in TABLE}
    Schedule.objects.filter(name__startswith=PREFIX).exclude(name__in=entries).delete()
    for name, entry in entries.items():
        wanted = {
            "func": entry.job,
            "schedule_type": Schedule.MINUTES,
            "minutes": entry.minutes,
            "repeats": -1,
        }
        found = list(Schedule.objects.filter(name=name).order_by("pk"))
        for twin in found[1:]:
            twin.delete()
        if not found:
            Schedule.objects.create(name=name, **wanted)
        elif any(getattr(found[0], field) != value for field, value in wanted.items()):
            Schedule.objects.filter(pk=found[0].pk).update(**wanted)
