"""Everything that happens by the clock, in one table; at most twelve. The acts themselves need none of it."""

from __future__ import annotations

from dataclasses import dataclass

from django_q.models import Schedule


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule: ``job`` is a dotted name in ``jobs``, ``minutes`` the interval, ``needs`` what must be well for it."""

    name: str
    job: str
    minutes: int
    needs: tuple[str, ...] = ("database",)


TABLE = (
    Entry("begin_enrolments", "automation.jobs.begin_forgotten_enrolments", 1),
    Entry("poll_inboxes", "automation.jobs.poll_inboxes", 2),
    Entry("refresh_profiles", "automation.jobs.refresh_profiles", 15),
    Entry("recover_lanes", "automation.jobs.recover_lanes", 1),
    Entry("purge", "automation.jobs.purge", 60),
)


def synchronise() -> None:
    """Make django-q2's schedules equal to the table: new ones added, changed ones changed, strangers of ours removed."""
    names = [f"outreach: {entry.name}" for entry in TABLE]
    Schedule.objects.filter(name__startswith="outreach: ").exclude(name__in=names).delete()
    for entry in TABLE:
        Schedule.objects.update_or_create(
            name=f"outreach: {entry.name}",
            defaults={
                "func": entry.job,
                "schedule_type": Schedule.MINUTES,
                "minutes": entry.minutes,
                "repeats": -1,
            },
        )
