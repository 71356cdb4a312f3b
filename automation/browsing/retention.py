"""How long sessions are kept: until they have expired, and a week longer in case the clock was wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from automation.models import BrowserSession
from outreach.lib import retention

KEEP = timedelta(days=7)


def register() -> None:
    """Announce our rule; called once when Django starts."""
    retention.register(retention.rows("expired browser sessions", KEEP, expired))


def expired(before: datetime) -> QuerySet[BrowserSession]:
    """Sessions that nobody could use since ``before``, the longest first (index browser_session_expires)."""
    return BrowserSession.objects.filter(expires_at__lt=before).order_by("expires_at")
