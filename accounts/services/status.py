"""How an account fares: verified, paused, limited, in error, disabled, and back."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.enums import WORKING_STATUSES, AccountStatus
from accounts.models import Account
from accounts.services import checks
from accounts.windows import local_date
from outreach.lib import events, networks
from outreach.lib.clock import database_now

UNVERIFIED = frozenset({AccountStatus.PENDING, AccountStatus.ERROR})


@transaction.atomic
def pause(*, account: Account, by: object, reason: str = "") -> Account:
    """Let the account rest until somebody resumes it. Pausing a paused account changes nothing."""
    lock(account)
    _refuse_disabled(account)
    if account.status != AccountStatus.PAUSED:
        set_status(account, AccountStatus.PAUSED, by=by, reason=reason)
    return account


@transaction.atomic
def resume(*, account: Account, by: object, at: datetime | None = None) -> Account:
    """Let a paused, limited, failed or disabled account work again.

    It becomes pending when its network never confirmed it or refused it since, warming up while a ramp rises,
    else active. A working or pending account stays as it is.
    """
    lock(account)
    if account.status not in {*WORKING_STATUSES, AccountStatus.PENDING}:
        set_status(account, working_status(account, at), by=by)
    return account


@transaction.atomic
def disable(*, account: Account, by: object, reason: str = "") -> Account:
    """Take the account out of use; its history stays, and resuming it is possible."""
    lock(account)
    if account.status != AccountStatus.DISABLED:
        set_status(account, AccountStatus.DISABLED, by=by, reason=reason)
    return account


@transaction.atomic
def mark_verified(
    account: Account, *, remote_id: str, handle: str = "", display_name: str = "", longest_post: int | None = None,
    by: object = "system", at: datetime | None = None,
) -> Account:  # fmt: skip
    """The network confirmed who we are: pending and failed accounts may work, others keep their status.

    Takes over the network's spelling of the handle, and what its server takes as one post. Credentials of somebody else
    (another remote id than
    before, or a handle that another account has) are refused with :class:`ValidationError`; nothing changes.
    """
    lock(account)
    if account.remote_id and account.remote_id != remote_id:
        raise ValidationError({"secret": f"These credentials belong to another account than {account}."})
    before = account.handle, account.home
    account.handle = checks.normal_handle(handle) or account.handle
    account.home = checks.home_of(networks.get(account.network), account.handle, account.server)
    try:
        checks.unique_handle(account)
    except ValidationError:
        account.handle, account.home = before
        raise
    account.remote_id = remote_id
    account.display_name = display_name or account.display_name
    account.longest_post = longest_post
    account.verified_at = at or database_now()
    account.save(
        update_fields=[
            "handle", "home", "remote_id", "display_name", "longest_post", "verified_at", "updated_at",
        ]
    )  # fmt: skip
    if account.status in UNVERIFIED:
        set_status(account, working_status(account, at), by=by)
    return account


@transaction.atomic
def mark_error(account: Account, reason: str, *, by: object = "system") -> Account:
    """The network refused our credentials: nothing runs until somebody gives new ones or resumes.

    A disabled account stays disabled and a paused one paused; either must be verified again before it works.
    """
    lock(account)
    account.verified_at = None
    account.save(update_fields=["verified_at", "updated_at"])
    if account.status not in {AccountStatus.DISABLED, AccountStatus.PAUSED}:
        set_status(account, AccountStatus.ERROR, by=by, reason=reason)
    return account


@transaction.atomic
def mark_limited(account: Account, reason: str, *, by: object = "system") -> Account:
    """The network slows or locks us: a working account rests until it is resumed, others stay as they are."""
    lock(account)
    if account.status in WORKING_STATUSES:
        set_status(account, AccountStatus.LIMITED, by=by, reason=reason)
    return account


@transaction.atomic
def remark(account: Account, reason: str) -> None:
    """Say why an account still is what it is; its status stays and nobody is told."""
    lock(account)
    account.status_reason = reason[:500]
    account.save(update_fields=["status_reason", "updated_at"])


def settle_warm_ups(*, at: datetime | None = None) -> int:
    """Make accounts active whose ramps have all reached their ceilings; says how many."""
    warming = Account.objects.filter(status=AccountStatus.WARMING_UP).order_by("pk")
    return sum(settle_working_status(account, by="system", at=at) for account in warming)


@transaction.atomic
def settle_working_status(account: Account, *, by: object, at: datetime | None = None) -> bool:
    """Bring a working account's status in line with its ramps; says whether it changed."""
    lock(account)
    wanted = working_status(account, at)
    if account.status not in WORKING_STATUSES or account.status == wanted:
        return False
    set_status(account, wanted, by=by)
    return True


def working_status(account: Account, at: datetime | None = None) -> AccountStatus:
    """What the account is when nothing holds it back: pending, warming up or active."""
    if account.verified_at is None:
        return AccountStatus.PENDING
    today = local_date(account, at or database_now())
    rising = any(ramp.limit_on(today) < ramp.ceiling for ramp in account.warm_ups.all())
    return AccountStatus.WARMING_UP if rising else AccountStatus.ACTIVE


def set_status(account: Account, status: AccountStatus, *, by: object, reason: str = "") -> None:
    """Write a status and why; emits ``account.status_changed`` with the old and the new one."""
    was, account.status = account.status, status
    account.status_reason = reason[:500]
    if was != status:
        account.status_changed_at = timezone.now()
    account.save(update_fields=["status", "status_reason", "status_changed_at", "updated_at"])
    events.emit(
        "account.status_changed", model="Account", ids=[account.pk], by=by, was=str(was), status=str(status),
        reason=account.status_reason,
    )  # fmt: skip


def lock(account: Account) -> None:
    """Bring ``account`` up to date and lock its row until the transaction ends; drops unsaved changes."""
    account.refresh_from_db(from_queryset=Account.objects.select_for_update())


def _refuse_disabled(account: Account) -> None:
    if account.status == AccountStatus.DISABLED:
        raise ValidationError(f"{account} is disabled. Resume it first.")
