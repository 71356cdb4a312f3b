"""How long calls of the model are kept: their texts as staff say, the ledger for a year, sums for three."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from automation.asking import configuration
from automation.models import LlmCall, LlmSpend, LlmText
from automation.models.asking import LlmCallQuerySet
from outreach.lib import retention


def register() -> None:
    """Announce our rules; called once when Django starts."""
    retention.register(
        retention.rows("texts of model calls", timedelta(0), old_texts),
        retention.rows("model calls", timedelta(days=365), old_calls),
        retention.rows(
            "model spend",
            timedelta(days=3 * 365),
            lambda before: LlmSpend.objects.filter(hour__lt=before).order_by("hour"),
        ),
    )


def old_texts(now: datetime) -> QuerySet[LlmText]:
    """Texts past the days that staff have set, which may change at any time."""
    before = now - timedelta(days=configuration.current().cache_days)
    return LlmText.objects.filter(created_at__lt=before).order_by("created_at")


def old_calls(before: datetime) -> LlmCallQuerySet:
    """Calls nobody asks about any more."""
    return LlmCall.objects.filter(created_at__lt=before).order_by("created_at")
