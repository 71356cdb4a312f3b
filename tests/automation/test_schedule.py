"""The table of schedules, and django-q2's rows that follow it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

from automation import schedule

pytestmark = pytest.mark.django_db


def ours() -> dict[str, tuple[str, int]]:
    rows = Schedule.objects.filter(name__startswith=schedule.PREFIX)
    return {row.name: (row.func, row.minutes) for row in rows}


WANTED = {f"outreach: {entry.name}": (entry.job, entry.minutes) for entry in schedule.TABLE}


def test_the_table_has_at_most_twelve_entries_with_names_of_their_own() -> None:
    assert len(schedule.TABLE) == len({entry.name for entry in schedule.TABLE}) <= 12


@pytest.mark.parametrize("entry", schedule.TABLE, ids=lambda entry: entry.name)
def test_every_job_resolves_and_runs_with_nothing_to_do(entry: schedule.Entry) -> None:
    assert import_string(entry.job)() == 0


def test_migrate_synchronises_the_schedules() -> None:
    Schedule.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert ours() == WANTED


def test_synchronising_twice_changes_nothing_and_keeps_the_next_time() -> None:
    schedule.synchronise()
    before = list(Schedule.objects.order_by("pk").values())
    schedule.synchronise()
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_synchronising_mends_what_was_changed_or_doubled_and_removes_strangers_of_ours_only() -> None:
    schedule.synchronise()
    Schedule.objects.filter(name="outreach: purge").update(minutes=7, func="nowhere.at_all")
    Schedule.objects.create(
        name="outreach: purge", func="automation.jobs.purge", schedule_type=Schedule.MINUTES
    )
    Schedule.objects.create(name="outreach: of another version", func="x.y", schedule_type=Schedule.MINUTES)
    somebodys = Schedule.objects.create(name="report", func="x.y", schedule_type=Schedule.DAILY)
    schedule.synchronise()
    assert ours() == WANTED
    assert Schedule.objects.filter(name__startswith=schedule.PREFIX).count() == len(WANTED)
    assert Schedule.objects.filter(pk=somebodys.pk).exists()
