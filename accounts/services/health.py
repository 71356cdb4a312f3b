"""How an account's last tasks went, kept with the account so that lists need no look at its tasks."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.enums import Health
from accounts.models import Account
from accounts.services.status import lock
from outreach.lib import events
from outreach.lib.clock import database_now


@transaction.atomic
def set_health(
    *, account: Account, health: Health, reason: str, by: object, counts_from: datetime | None = None
) -> bool:
    """Write a health and what it rests on; says whether it changed.

    With ``counts_from`` tasks that ended earlier no longer count. Emits ``account.health_changed`` with the old
    and the new one when they differ; a new reason for the same health is nobody's news.
    """
    lock(account)
    was, account.health = account.health, health
    account.health_reason = reason[:300]
    account.health_counts_from = counts_from or account.health_counts_from
    changed = was != health
    if changed:
        account.health_changed_at = database_now()
    account.save(
        update_fields=["health", "health_reason", "health_changed_at", "health_counts_from", "updated_at"]
    )
    if changed:
        events.emit(
            "account.health_changed", model="Account", ids=[account.pk], by=by, was=str(was), health=str(health),
            reason=account.health_reason,
        )  # fmt: skip
    return changed
