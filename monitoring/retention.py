"""What monitoring deletes, and when."""

from __future__ import annotations

from datetime import timedelta

from monitoring import alerts, heartbeats
from monitoring.models import Alert, Event, LogRecord
from outreach.lib import retention

KEEP_PROCESSES = timedelta(days=7)
KEEP_ERRORS = timedelta(days=90)  # after they were last seen
KEEP_EVENTS = timedelta(days=730)


def register() -> None:
    """Announce our rules; called once when Django starts."""
    retention.register(
        retention.Rule(
            "heartbeats", KEEP_PROCESSES,
            count=lambda before: heartbeats.gone(before).count(),
            forget=lambda before, _batch: heartbeats.forget(before),
        ),
        retention.rows(
            "errors", KEEP_ERRORS,
            lambda before: LogRecord.objects.filter(last_seen_at__lt=before).order_by("last_seen_at", "id"),
        ),
        retention.rows(
            "audit", KEEP_EVENTS, lambda before: Event.objects.filter(at__lt=before).order_by("at")
        ),
        retention.rows(
            "alerts", alerts.KEEP, lambda before: Alert.objects.filter(resolved_at__lt=before).order_by("resolved_at")
        ),
    )  # fmt: skip
