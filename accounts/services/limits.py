"""Limits and warm-ups, set and lifted; old counters, deleted. Counting itself is in accounts.limits."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import WindowUnit
from accounts.models import Account, Allowance, Limit, WarmUp
from accounts.services import checks
from accounts.services.status import lock, settle_working_status
from accounts.windows import local_date
from outreach.lib import events
from outreach.lib.clock import database_now

# A date that ended comes back for up to 26 hours when an account moves west; its counter must still exist.
KEPT_AT_LEAST = timedelta(days=3)


@transaction.atomic
def set_limit(
    *, kind: str, limit: int, by: object, account: Account | None = None, network: str = "",
    window: str = WindowUnit.DAY, reserve: int = 0,
) -> Limit:  # fmt: skip
    """At most ``limit`` acts of ``kind`` per window, for one account or all of a network; 0 means never.

    The last ``reserve`` of them are kept for urgent acts. A lowered limit counts at once, in open windows too. Emits
    ``account.limits_changed`` with the account's id, or with no id and the network's name.
    """
    written = write_limit(
        account=account, network=network, kind=kind, window=window, limit=limit, reserve=reserve
    )
    _tell_limits_changed(account, network, kind, by)
    return written


@transaction.atomic
def remove_limit(
    *, kind: str, by: object, account: Account | None = None, network: str = "", window: str = WindowUnit.DAY
) -> bool:
    """Lift a limit; says whether there was one. Other limits of the stack go on counting."""
    _one_scope(account, network)
    gone, _ = Limit.objects.filter(
        account=account, network=network, kind=checks.known_kind(kind), window=checks.known_window(window)
    ).delete()
    if gone:
        _tell_limits_changed(account, network, kind, by)
    return bool(gone)


@transaction.atomic
def start_warm_up(
    *, account: Account, kind: str, by: object, start: int = 5, step: int = 2, ceiling: int = 50,
    at: datetime | None = None,
) -> WarmUp:  # fmt: skip
    """Begin a ramp today on the account's calendar; a ramp of that kind that is under way begins anew."""
    lock(account)
    ramp = write_warm_up(account, kind, start=start, step=step, ceiling=ceiling, at=at)
    _settle(account, kind, by, at)
    return ramp


@transaction.atomic
def pause_warm_up(*, account: Account, kind: str, by: object, at: datetime | None = None) -> WarmUp:
    """Let the ramp stand still where it is today; it goes on limiting. Pausing twice changes nothing."""
    ramp = _locked_ramp(account, kind)
    if ramp.paused_on is None:
        ramp.paused_on = local_date(account, at or database_now())
        ramp.save(update_fields=["paused_on"])
        _settle(account, kind, by, at)
    return ramp


@transaction.atomic
def resume_warm_up(*, account: Account, kind: str, by: object, at: datetime | None = None) -> WarmUp:
    """Let the ramp rise again from where it stood. Resuming a rising ramp changes nothing."""
    ramp = _locked_ramp(account, kind)
    if ramp.paused_on is not None:
        today = local_date(account, at or database_now())
        ramp.paused_days += max(0, (today - ramp.paused_on).days)
        ramp.paused_on = None
        ramp.save(update_fields=["paused_days", "paused_on"])
        _settle(account, kind, by, at)
    return ramp


@transaction.atomic
def end_warm_up(*, account: Account, kind: str, by: object, at: datetime | None = None) -> None:
    """Drop the ramp; the account's and its network's limits go on counting."""
    _locked_ramp(account, kind).delete()
    _settle(account, kind, by, at)


def purge_allowances(*, before: datetime, batch: int = 5_000) -> int:
    """Delete counters whose window closed before ``before``, in small batches; says how many.

    The last three days are always kept.
    """
    horizon = min(before, database_now() - KEPT_AT_LEAST)
    total = 0
    while True:
        oldest = Allowance.objects.filter(closes_at__lt=horizon).order_by("closes_at").values("pk")[:batch]
        gone, _ = Allowance.objects.filter(pk__in=oldest).delete()
        total += gone
        if gone < batch:
            return total


def write_limit(
    *, kind: str, limit: int, account: Account | None = None, network: str = "", window: str = WindowUnit.DAY,
    reserve: int = 0,
) -> Limit:  # fmt: skip
    """Check and store a limit without telling anybody."""
    _one_scope(account, network)
    figures = {
        "limit": checks.whole_number("limit", limit),
        "reserve": checks.whole_number("reserve", reserve),
    }
    if reserve > limit:
        raise ValidationError(
            {
                "reserve": f"Of {limit} acts {reserve} cannot be kept for urgent ones. Lower it to {limit} or less."
            }
        )
    written, _ = Limit.objects.update_or_create(
        account=account,
        network=network,
        kind=checks.known_kind(kind),
        window=checks.known_window(window),
        defaults=figures,
    )
    return written


def write_warm_up(
    account: Account, kind: str, *, start: int, step: int, ceiling: int, at: datetime | None = None
) -> WarmUp:
    """Check and store a ramp that begins today without telling anybody."""
    for name, value in {"start": start, "step": step, "ceiling": ceiling}.items():
        checks.whole_number(name, value)
    if ceiling < start:
        raise ValidationError({"ceiling": f"The ceiling {ceiling} is below the start {start}. Raise it."})
    fields = {
        "start": start, "step": step, "ceiling": ceiling, "paused_on": None, "paused_days": 0,
        "started_on": local_date(account, at or database_now()),
    }  # fmt: skip
    ramp, _ = WarmUp.objects.update_or_create(account=account, kind=checks.known_kind(kind), defaults=fields)
    return ramp


def _one_scope(account: Account | None, network: str) -> None:
    if (account is None) == (not network):
        raise ValidationError("A limit is for one account or for one network. Give one of the two.")
    if network:
        checks.known_network(network)


def _locked_ramp(account: Account, kind: str) -> WarmUp:
    lock(account)
    ramp = WarmUp.objects.filter(account=account, kind=checks.known_kind(kind)).first()
    if ramp is None:
        raise ValidationError({"kind": f"{account} has no warm-up of {kind}. Start one first."})
    return ramp


def _settle(account: Account, kind: str, by: object, at: datetime | None) -> None:
    settle_working_status(account, by=by, at=at)
    _tell_limits_changed(account, "", kind, by)


def _tell_limits_changed(account: Account | None, network: str, kind: str, by: object) -> None:
    ids = [account.pk] if account else []
    events.emit("account.limits_changed", model="Account", ids=ids, by=by, network=network, kind=str(kind))
