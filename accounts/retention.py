"""What accounts deletes, and when."""

from __future__ import annotations

from datetime import timedelta

from accounts import idempotency
from accounts.models import Allowance, IdempotencyKey
from accounts.services import purge_allowances
from outreach.lib import retention

KEEP_COUNTERS = timedelta(days=60)  # after their window closed


def register() -> None:
    """Announce our rules; called once when Django starts."""
    retention.register(
        retention.Rule(
            "counters", KEEP_COUNTERS,
            count=lambda before: Allowance.objects.filter(closes_at__lt=before).count(),
            forget=lambda before, batch: purge_allowances(before=before, batch=batch),
        ),
        retention.Rule(
            "answers to repeated requests", timedelta(0),  # they carry the time they expire
            count=lambda before: IdempotencyKey.objects.filter(expires_at__lte=before).count(),
            forget=lambda _before, batch: idempotency.purge(batch=batch),
        ),
    )  # fmt: skip
