"""What monitoring deletes, and when."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

from monitoring import heartbeats
from monitoring.models import Event, LogRecord
from outreach.lib.clock import database_now

KEEP_PROCESSES = timedelta(days=7)
KEEP_ERRORS = timedelta(days=90)  # after they were last seen
KEEP_EVENTS = timedelta(days=730)
BATCH = 1000  # rows per statement, so that nobody waits for a long delete


def purge() -> int:
    """Delete what is older than kept; returns how many rows."""
    now = database_now()
    return (
        heartbeats.forget(now - KEEP_PROCESSES)
        + _delete(LogRecord.objects.filter(last_seen_at__lt=now - KEEP_ERRORS))
        + _delete(Event.objects.filter(at__lt=now - KEEP_EVENTS))
    )


def _delete(rows: models.QuerySet[LogRecord] | models.QuerySet[Event]) -> int:
    total = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        total += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    return total
