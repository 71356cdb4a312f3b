"""Accounts come in, change, and move to another time zone."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.enums import AccountStatus, Role
from accounts.models import Account, Credential
from accounts.services import checks
from accounts.services.limits import write_limit, write_warm_up
from accounts.services.proxies import working_proxy, write_proxy
from accounts.services.status import lock, set_status
from accounts.windows import next_midnight
from outreach.lib import events, networks
from outreach.lib.clock import database_now

CHANGEABLE = frozenset(
    {
        "handle",
        "display_name",
        "server",
        "role",
        "niche",
        "owner",
        "sending_gap",
        "window_opens",
        "window_closes",
    }
)
# Whoever changes these speaks of another identity, which has to be verified before we act as it.
IDENTITY = frozenset({"handle", "server"})


@dataclass(frozen=True, slots=True)
class Ramp:
    """A warm-up to begin with: ``start`` acts a day, ``step`` more each day, up to ``ceiling``."""

    start: int = 5
    step: int = 2
    ceiling: int = 50


@transaction.atomic
def create_account(
    *,
    network: str,
    handle: str,
    secret: Mapping[str, Any],
    by: object,
    server: str = "",
    time_zone: str = "UTC",
    role: str = Role.OUTREACH,
    display_name: str = "",
    niche: str = "",
    owner: Any = None,
    proxy: str = "",
    limits: Mapping[str, int] | None = None,
    warm_ups: Mapping[str, Ramp] | None = None,
) -> Account:
    """Add an account we own; it is pending until its network has confirmed it.

    ``limits`` are acts a day by kind, ``warm_ups`` ramps by kind; ``proxy`` is tried before anything is written (5 s at
    most). Writes everything or, raising :class:`ValidationError` with a message per field, nothing. Emits
    ``account.created``.
    """
    known = checks.known_network(network)
    account = Account(
        network=network,
        handle=checks.normal_handle(handle),
        server=checks.normal_server(known, server),
        time_zone=checks.known_time_zone(time_zone),
        role=role,
        display_name=display_name.strip(),
        niche=niche.strip(),
        owner=owner,
    )
    _check(account)
    complete = checks.complete_secret(known, secret)
    found = working_proxy(known.name, account.server, proxy) if proxy.strip() else None
    _save_unless_taken(account)
    Credential.objects.create(account=account, secret=complete)
    if found:
        write_proxy(account, found)
    _write_pace(account, limits or {}, warm_ups or {})
    events.emit("account.created", model="Account", ids=[account.pk], by=by, network=network)
    return account


def _write_pace(account: Account, limits: Mapping[str, int], warm_ups: Mapping[str, Ramp]) -> None:
    for kind, limit in limits.items():
        write_limit(account=account, kind=kind, limit=limit)
    for kind, ramp in warm_ups.items():
        write_warm_up(account, kind, start=ramp.start, step=ramp.step, ceiling=ramp.ceiling)


@transaction.atomic
def update_account(*, account: Account, by: object, **changes: Any) -> Account:
    """Change the columns in ``CHANGEABLE``; anything else is refused.

    Another handle or server is another identity: the account goes back to pending (a paused or disabled one
    stays so) and waits to be verified. Emits ``account.changed`` with the fields that really differ, if any.
    """
    if unknown := sorted(set(changes) - CHANGEABLE):
        raise ValidationError(dict.fromkeys(unknown, "This cannot be changed here."))
    lock(account)
    draft = copy.copy(account)
    for name, value in _normal(account, changes).items():
        setattr(draft, name, value)
    changed = sorted(name for name in changes if getattr(draft, name) != getattr(account, name))
    if not changed:
        return account
    _check(draft)
    for name in changed:
        setattr(account, name, getattr(draft, name))
    account.home = draft.home
    _save_unless_taken(account, [*changed, "home"])
    if IDENTITY & set(changed):
        _await_verification(account, by)
    _tell_changed(account, changed, by)
    return account


@transaction.atomic
def set_credentials(*, account: Account, secret: Mapping[str, Any], by: object) -> None:
    """Replace the secret. An account in error becomes pending again, to be verified with the new one."""
    lock(account)
    complete = checks.complete_secret(networks.get(account.network), secret)
    Credential.objects.update_or_create(account=account, defaults={"secret": complete})
    if account.status == AccountStatus.ERROR:
        set_status(account, AccountStatus.PENDING, by=by)
    _tell_changed(account, ["credentials"], by)


@transaction.atomic
def link_chat_accounts(*, account: Account, chat_accounts: Iterable[Account], by: object) -> None:
    """Say which accounts carry on the conversations this one begins; replaces the earlier choice."""
    chosen = list(chat_accounts)
    for other in chosen:
        if other.pk == account.pk:
            raise ValidationError({"chat_accounts": f"{account} cannot be linked to itself."})
        if other.role != Role.CHAT:
            raise ValidationError({"chat_accounts": f"{other} is no chat account. Make it one first."})
    account.chat_accounts.set(chosen)
    _tell_changed(account, ["chat_accounts"], by)


@transaction.atomic
def change_time_zone(*, account: Account, time_zone: str, by: object, at: datetime | None = None) -> Account:
    """Move the account at its present zone's next midnight, so that no local day gets two allowances.

    A move that still waits is replaced; going back to the present zone cancels it. ``at`` is now by default.
    """
    checks.known_time_zone(time_zone)
    at = at or database_now()
    lock(account)
    _settle(account, at)
    stays = time_zone == account.time_zone
    wanted = ("", None) if stays else (time_zone, next_midnight(ZoneInfo(account.time_zone), at))
    if (account.next_time_zone, account.next_time_zone_at) != wanted:
        account.next_time_zone, account.next_time_zone_at = wanted
        account.save(update_fields=["next_time_zone", "next_time_zone_at", "updated_at"])
        _tell_changed(account, ["next_time_zone"], by)
    return account


@transaction.atomic
def settle_time_zone(account: Account, *, at: datetime | None = None) -> bool:
    """Make a move whose midnight has passed the account's plain zone; says whether there was one."""
    lock(account)
    return _settle(account, at or database_now())


def settle_time_zones(*, at: datetime | None = None) -> int:
    """Settle every move that has taken effect; says how many. Limits do not wait for this, tidiness does."""
    at = at or database_now()
    moved = Account.objects.filter(next_time_zone_at__lte=at).order_by("pk")
    return sum(settle_time_zone(account, at=at) for account in moved)


def _settle(account: Account, at: datetime) -> bool:
    if not account.next_time_zone_at or account.next_time_zone_at > at:
        return False
    account.time_zone, account.next_time_zone, account.next_time_zone_at = account.next_time_zone, "", None
    account.save(update_fields=["time_zone", "next_time_zone", "next_time_zone_at", "updated_at"])
    _tell_changed(account, ["time_zone"], "system")
    return True


def _normal(account: Account, changes: Mapping[str, Any]) -> dict[str, Any]:
    normal = dict(changes)
    if "handle" in normal:
        normal["handle"] = checks.normal_handle(normal["handle"])
    if "server" in normal:
        normal["server"] = checks.normal_server(networks.get(account.network), normal["server"])
    return normal


def _check(account: Account) -> None:
    account.full_clean(validate_constraints=False)
    if (account.window_opens is None) != (account.window_closes is None):
        raise ValidationError({"window_closes": "Give both ends of the sending window, or neither."})
    account.home = checks.home_of(networks.get(account.network), account.handle, account.server)
    checks.unique_handle(account)


def _save_unless_taken(account: Account, fields: Iterable[str] | None = None) -> None:
    try:
        with transaction.atomic():
            account.save(update_fields=None if fields is None else [*fields, "updated_at"])
    except IntegrityError as clash:
        if "account_is_unique" not in str(clash):
            raise
        raise checks.taken(account)  # somebody else took the handle between our look and our write


def _await_verification(account: Account, by: object) -> None:
    account.remote_id, account.verified_at = "", None
    account.save(update_fields=["remote_id", "verified_at", "updated_at"])
    if account.status not in {AccountStatus.PAUSED, AccountStatus.DISABLED}:
        set_status(account, AccountStatus.PENDING, by=by)


def _tell_changed(account: Account, fields: list[str], by: object) -> None:
    events.emit("account.changed", model="Account", ids=[account.pk], by=by, fields=fields)
