"""What people and the clock ask to have looked at: handles by hand, a profile once more, whatever was read long ago."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Account
from automation.channels.base import ProfileInfo
from automation.discovery import feeding, frontier, reading
from automation.discovery.frontier import Look
from automation.discovery.sources import check_kind, checked_handle
from automation.enums import LookKind, LookOrigin, LookState, Priority
from automation.models import FrontierEntry
from leads.models import Profile
from leads.services import find_or_add_profiles
from outreach.lib import events
from outreach.lib.actors import Actor

MANUAL = "manual"
NOT_BEFORE = timedelta(days=1)  # a refresh that is asked for is not asked for again sooner


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of handles somebody listed: new to us, or known already."""

    added: int
    known: int


@transaction.atomic
def queue_handles(*, network: str, handles: Iterable[str], account: Account, by: Actor) -> Queued:
    """Add profiles by hand and have them read at once. Raises :class:`ValidationError` naming a handle that is none."""
    if account.network != network:
        raise ValidationError({"account": f"{account} is not on {network}."})
    infos = [ProfileInfo(checked_handle(network, handle, "handles"), remote_id="") for handle in handles]
    new, known = find_or_add_profiles(
        network=network, infos=reading.without_ours(network, infos), found_by=account, found_via=MANUAL, by=by
    )
    reading.look_at(new, origin=LookOrigin.HAND, priority=Priority.HIGH, account=account)
    feeding.feed_on_commit(network)
    return Queued(added=len(new), known=known)


@transaction.atomic
def refresh(*, profile: Profile, account: Account, by: Actor) -> None:
    """Have one known profile read again now, however lately it was read."""
    reading.look_at([profile], origin=LookOrigin.HAND, priority=Priority.HIGH, account=account)
    feeding.feed_on_commit(profile.network)
    events.emit("profile.refresh_asked", model="leads.profile", ids=[profile.pk], by=by)


@transaction.atomic
def look(
    *, network: str, kind: str, query: str, by: Actor, account: Account | None = None, urgent: bool = False
) -> FrontierEntry:
    """Put one page of a list on the frontier: a search, somebody's followers or commenters.

    ``account`` empty: any that can. Returns its entry, or the one that waits or is being read already. Effects:
    ``frontier.added``. Raises :class:`ValidationError` for what cannot be read there.
    """
    chosen = LookKind(kind)
    if chosen == LookKind.PROFILE:
        raise ValidationError({"kind": "Profiles are added with their handles, see POST /profiles."})
    check_kind(network, chosen, str(chosen.label))
    if account is not None and account.network != network:
        raise ValidationError({"account": f"{account} is not on {network}."})
    words = query.strip() if chosen == LookKind.SEARCH else checked_handle(network, query)
    known = Profile.objects.filter(network=network, handle=words) if chosen != LookKind.SEARCH else None
    wanted = Look(
        network=network, kind=chosen, query=words, origin=LookOrigin.HAND, account_id=account.pk if account else None,
        profile_id=known.values_list("pk", flat=True).first() if known else None,
        priority=Priority.HIGH if urgent else Priority.NORMAL,
    )  # fmt: skip
    frontier.add([wanted])
    feeding.feed_on_commit(network)
    entry = FrontierEntry.objects.open().get(
        network=network, kind=chosen, query=wanted.query, cursor="", source=None
    )
    events.emit("frontier.added", model="automation.frontierentry", ids=[entry.pk], by=by)
    return entry


@transaction.atomic
def run_now(entry_ids: Iterable[int], *, by: Actor) -> int:
    """Let what waits come first; returns how many did. Effects: ``frontier.hurried``. The day's plan still holds."""
    waiting = FrontierEntry.objects.waiting().filter(pk__in=list(entry_ids))
    rows = list(waiting.select_for_update().values_list("pk", "network"))
    ids = [pk for pk, _ in rows]
    FrontierEntry.objects.filter(pk__in=ids).update(priority=Priority.HIGH, due_at=Now(), detail="")
    for network in {network for _, network in rows}:
        feeding.feed_on_commit(network)
    if ids:
        events.emit("frontier.hurried", model="automation.frontierentry", ids=ids, by=by)
    return len(ids)


@transaction.atomic
def call_off(entry_ids: Iterable[int], *, by: Actor) -> int:
    """Do not look at these after all; what is being read is left alone. Returns how many. Effects: ``frontier.dropped``."""
    chosen = FrontierEntry.objects.filter(pk__in=list(entry_ids), state=LookState.WAITING)
    ids = list(chosen.select_for_update().values_list("pk", flat=True))
    if ids:
        frontier.drop(FrontierEntry.objects.filter(pk__in=ids), f"Called off by {by}.")
        events.emit("frontier.dropped", model="automation.frontierentry", ids=ids, by=by)
    return len(ids)


def refresh_due(limit: int = 500) -> int:
    """Put profiles whose time has come on the frontier, each for the account that found it; returns how many.

    Those of people who said no are not read any more. Nothing is handed out by this.
    """
    known = Q(refresh_at__lte=Now(), found_by__isnull=False, person__suppressed_at__isnull=True)
    due = list(Profile.objects.filter(known).order_by("refresh_at")[:limit])
    for network in {profile.network for profile in due}:
        mine = [profile for profile in due if profile.network == network]
        reading.look_at(mine, origin=LookOrigin.REFRESH)
        frontier.nudge(network)
    # Not asked for again before this round is over, whatever becomes of it.
    Profile.objects.filter(pk__in=[profile.pk for profile in due]).update(refresh_at=Now() + NOT_BEFORE)
    return len(due)
