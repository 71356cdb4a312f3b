"""Alerts: one for each change of state, told once when it begins, once when it is over.

``sources`` raises them from events and from the checks; ``delivery`` tells people, in the background.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from monitoring.models import Alert, AlertLevel, Change, Notice, Route
from outreach.lib import queue

DELIVER_JOB = "monitoring.jobs.deliver_alerts"
KEEP = timedelta(days=90)  # after they were resolved


def open_alerts() -> QuerySet[Alert]:
    """What is not well now, the longest first."""
    return Alert.objects.filter(resolved_at__isnull=True).order_by("opened_at", "id")


@transaction.atomic
def raise_alert(*, key: str, subject: str, message: str = "", level: str = AlertLevel.ERROR) -> bool:
    """Open the alert ``key`` and have it told; true if it was not open yet.

    One that is open only learns what is known now: nobody is told twice of one state.
    """
    said = {"level": level, "subject": subject[:200], "message": message}
    alert, is_new = Alert.objects.get_or_create(key=key[:128], resolved_at=None, defaults=said)
    if is_new:
        _tell([alert.pk], Change.OPENED)
    else:
        Alert.objects.filter(pk=alert.pk).update(**said, last_seen_at=Now())
    return is_new


@transaction.atomic
def resolve(keys: Iterable[str]) -> int:
    """What these alerts were about is over: close those that are open and have it told; returns how many."""
    closed = list(open_alerts().filter(key__in=list(keys)).select_for_update().values_list("pk", flat=True))
    Alert.objects.filter(pk__in=closed).update(resolved_at=Now(), last_seen_at=Now())
    _tell(closed, Change.RESOLVED)
    return len(closed)


@transaction.atomic
def remind(alerts: QuerySet[Alert]) -> int:
    """Have open alerts told once more, as errors now; returns how many."""
    due = alerts.filter(resolved_at__isnull=True, reminded_at__isnull=True)
    chosen = list(due.select_for_update().values_list("pk", flat=True))
    Alert.objects.filter(pk__in=chosen).update(reminded_at=Now(), level=AlertLevel.ERROR)
    _tell(chosen, Change.REMINDED)
    return len(chosen)


def recipients() -> list[str]:
    """Whom alerts are mailed to: ALERT_EMAILS, else Django's ADMINS."""
    return list(settings.ALERT_EMAILS) or [entry[1] for entry in settings.ADMINS]


def routes() -> list[Route]:
    """The ways of telling that are set up."""
    mail = [Route.EMAIL] if recipients() else []
    return mail + ([Route.WEBHOOK] if settings.ALERT_WEBHOOK_URL else [])


def _tell(alert_ids: list[int], change: Change) -> None:
    """Write what is to be told and nudge who tells it; both only if the change itself is committed."""
    notices = [Notice(alert_id=pk, change=change, route=route) for pk in alert_ids for route in routes()]
    if notices:
        Notice.objects.bulk_create(notices, ignore_conflicts=True)
        queue.enqueue(DELIVER_JOB, dedupe="alerts")
