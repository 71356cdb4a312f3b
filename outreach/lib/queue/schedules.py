"""Schedules: django-q2's table, run by us. A schedule that cannot be run is put off, and the others go on."""

from __future__ import annotations

import ast
import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django_q.models import Schedule

from outreach.lib.clock import database_now
from outreach.lib.queue.jobs import enqueue

logger = logging.getLogger(__name__)

PUT_OFF = timedelta(minutes=10)


def run_due() -> int:
    """Enqueue every schedule that is due, once however long it is overdue; returns how many.

    Several clusters may do this at once: each schedule is run by one. Database errors are raised.
    """
    due = Schedule.objects.filter(next_run__lte=database_now()).exclude(repeats=0)
    return sum(_run(pk) for pk in due.values_list("pk", flat=True))


def _run(pk: int) -> bool:
    try:
        with transaction.atomic():
            return _enqueue(pk)
    except (OperationalError, InterfaceError):
        raise  # the database, not the schedule
    except Exception:  # its row may hold anything; whatever is wrong with one must not stop the others
        logger.exception("Schedule %s cannot be run and is put off", pk)
        Schedule.objects.filter(pk=pk).update(next_run=database_now() + PUT_OFF)
        return False


def _enqueue(pk: int) -> bool:
    now = database_now()
    schedule = Schedule.objects.select_for_update(skip_locked=True).filter(pk=pk, next_run__lte=now).first()
    if schedule is None:
        return False  # another cluster has it
    enqueue(schedule.func, *_arguments(schedule.args), dedupe=f"schedule {schedule.name or pk}")
    if schedule.schedule_type == Schedule.ONCE:
        schedule.delete()
        return True
    schedule.next_run = _next_run(schedule, now)
    schedule.repeats = schedule.repeats - 1 if schedule.repeats > 0 else -1  # 0 is spent, -1 goes on for ever
    schedule.save(update_fields=["next_run", "repeats"])
    return True


def _arguments(written: str | None) -> tuple[Any, ...]:
    value = ast.literal_eval(written) if written else ()
    return value if isinstance(value, tuple) else (value,)


def _next_run(schedule: Schedule, now: datetime) -> datetime:
    """In step with its last time, or an interval from now if that has passed: what was missed is not replayed."""
    in_step: datetime = schedule.calculate_next_run()
    return in_step if in_step > now else schedule.calculate_next_run(now)
