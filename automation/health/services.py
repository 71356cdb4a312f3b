"""What follows from a health: a badly faring account goes slowly, then rests, then is tried again, all by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts import services as accounts
from accounts.enums import WORKING_STATUSES, AccountStatus, Health
from accounts.models import Account
from automation.engine import policy
from automation.health import reading, rules
from automation.models import Lane
from outreach.lib.clock import database_now

BY = "health"
AT_ONCE = 500  # accounts looked at in one query


def settle(*, at: datetime | None = None) -> int:
    """Judge every account that works or rests for its health; says how many changed. Two queries for 500 accounts
    that stay as they are.
    """
    at = at or database_now()
    alive = Q(status__in=WORKING_STATUSES) | Q(status=AccountStatus.LIMITED, health=Health.QUARANTINED)
    ids = list(Account.objects.filter(alive).order_by("pk").values_list("pk", flat=True))
    pages = (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
    return sum(judge(page, at=at) for page in pages)


def judge(account_ids: Sequence[int], *, at: datetime | None = None) -> int:
    """Judge these accounts by their last tasks; says how many changed.

    One that becomes throttled goes on at the slowest rate and speeds up as it succeeds. One that becomes quarantined
    is limited (nothing of it runs) and after a rest works again, slowly. A person's pause is never undone.
    """
    at = at or database_now()
    found = reading.read(account_ids)
    chosen = Account.objects.filter(pk__in=account_ids).order_by("pk")
    return sum(_follow(account, found.get(account.pk, reading.Reading()), at) for account in chosen)


def after_failures(account_ids: Iterable[int]) -> int:
    """Judge accounts one of whose tasks just failed, without waiting for the clock."""
    return judge(sorted(set(account_ids)))


@transaction.atomic
def give_another_chance(account: Account, *, by: object, at: datetime | None = None) -> None:
    """A quarantined account works again, on trial: it goes slowly, and only what it does from now on counts."""
    at = at or database_now()
    reason = "Tried again after a rest; it goes slowly at first."
    accounts.set_health(account=account, health=Health.THROTTLED, reason=reason, by=by, counts_from=at)
    _slow_down(account, reason)


def _follow(account: Account, found: reading.Reading, at: datetime) -> bool:
    if account.health == Health.QUARANTINED:
        return _let_back(account, at)
    verdict = rules.judge(Health(account.health), account.health_changed_at, found, at)
    if verdict.health == account.health and verdict.reason == account.health_reason:
        return False
    return _apply(account, verdict)


@transaction.atomic
def _apply(account: Account, verdict: rules.Verdict) -> bool:
    changed = accounts.set_health(account=account, health=verdict.health, reason=verdict.reason, by=BY)
    if changed and verdict.health == Health.THROTTLED:
        _slow_down(account, verdict.reason)
    if changed and verdict.health == Health.QUARANTINED:
        hours = round(rules.REST.total_seconds() / 3600)
        reason = f"In quarantine: {verdict.reason} It is tried again by itself after {hours} hours."
        accounts.mark_limited(account, reason, by=BY)
    return changed


def _let_back(account: Account, at: datetime) -> bool:
    """Resume a quarantined account that has rested, unless somebody else stopped it meanwhile."""
    if account.status != AccountStatus.LIMITED or not rules.rested(account.health_changed_at, at):
        return False
    accounts.resume(account=account, by=BY, at=at)  # tells of its new status, and give_another_chance follows
    return True


def _slow_down(account: Account, reason: str) -> None:
    """The slowest rate the installation has; the engine raises it again with success (engine.rates)."""
    if settings.ENGINE["rate_cap"] > 0:
        Lane.objects.filter(pk=account.pk).update(
            rate=policy.count("rate_floor"), rate_reason=f"Throttled: {reason}"[:160], rate_changed_at=Now()
        )
