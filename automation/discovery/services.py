"""Finding people: sources are read page by page, whom we know is dropped before any fetch, the rest is fetched once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.channels.base import Page, ProfileInfo
from automation.discovery import qualification
from automation.engine import effects, tasks
from automation.engine.tasks import NewTask
from automation.enums import Priority, SourceKind, TaskState
from automation.models import Source, Task
from leads.addresses import normalise
from leads.models import Profile
from leads.services import find_or_add_profiles, record_fetch
from outreach.lib import clock, events, networks
from outreach.lib.actors import Actor

FETCH_OF = {
    SourceKind.SEARCH: ActionKind.FETCH_SEARCH,
    SourceKind.RELATED: ActionKind.FETCH_RELATED,
    SourceKind.COMMENTERS: ActionKind.FETCH_COMMENTERS,
}
READS = tuple(FETCH_OF.values())
REFRESH_AFTER = timedelta(days=14)
MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of handles somebody listed: new to us, or known already."""

    added: int
    known: int


@transaction.atomic
def add_source(
    *, kind: str, network: str, query: str, account: Account, by: Actor, max_pages: int = 10
) -> Source:
    """Write down where to look; nothing is read before it is run."""
    source = Source(kind=kind, network=network, query=query.strip(), account=account, max_pages=max_pages)
    source.full_clean()
    if account.network != network:
        raise ValidationError({"account": f"{account} is not on {network}."})
    if FETCH_OF.get(SourceKind(kind)) not in registry.capabilities(network):
        why = networks.why_closed(network, FETCH_OF.get(SourceKind(kind), ""))
        raise ValidationError({"kind": f"{network} cannot do this: {source.get_kind_display()}.{why}"})
    source.save()
    events.emit("source.created", model="automation.source", ids=[source.pk], by=by)
    return source


@transaction.atomic
def run_source(*, source: Source, by: Actor) -> Task:
    """Read the source from its beginning, up to its pages; asking again while it is being read changes nothing."""
    locked = Source.objects.select_for_update().get(pk=source.pk)
    running = Task.objects.filter(
        dedupe_key__startswith=f"source:{source.pk}:", state__in=(TaskState.PENDING, TaskState.RUNNING)
    ).first()
    if running is not None:
        return running
    Source.objects.filter(pk=locked.pk).update(
        active=True, exhausted=False, pages=0, cursor="", last_run_at=Now()
    )
    events.emit("source.run", model="automation.source", ids=[source.pk], by=by)
    return _read(locked, cursor="", page=0)


def _read(source: Source, *, cursor: str, page: int) -> Task:
    stamp = clock.database_now().timestamp()
    payload = {"source": source.pk, "cursor": cursor, "page": page}
    payload |= {"query": source.query} if source.kind == SourceKind.SEARCH else {"handle": source.query}
    return tasks.add(
        NewTask(
            account_id=source.account_id, kind=FETCH_OF[SourceKind(source.kind)], priority=Priority.NORMAL,
            dedupe_key=f"source:{source.pk}:{page}:{stamp:.3f}", payload=payload,
        )
    )  # fmt: skip


def stop_source(*, source: Source, by: Actor) -> None:
    """Read no further pages of it."""
    Source.objects.filter(pk=source.pk).update(active=False)
    events.emit("source.stopped", model="automation.source", ids=[source.pk], by=by)


@effects.on_completed(*READS)
def take_page(task: Task, result: Page) -> None:
    """A page came in: whom we do not know is added and queued for a fetch; the next page is written if there is one."""
    source = Source.objects.select_for_update().filter(pk=task.payload.get("source", 0)).first()
    if source is None:
        return
    strangers = _without_ours(source.network, result.profiles)
    new, known = find_or_add_profiles(
        network=source.network, infos=strangers, found_by=source.account, found_via=str(source)
    )
    fetch(new, account=source.account)
    more = bool(result.cursor) and source.active and source.pages + 1 < source.max_pages
    Source.objects.filter(pk=source.pk).update(
        pages=F("pages") + 1, found=F("found") + len(new), duplicates=F("duplicates") + known,
        cursor=result.cursor[:255], exhausted=not result.cursor,
    )  # fmt: skip
    if more:
        _read(source, cursor=result.cursor, page=int(task.payload.get("page", 0)) + 1)


def _without_ours(network: str, infos: Sequence[ProfileInfo]) -> list[ProfileInfo]:
    """Leave out our own accounts: we neither qualify nor write to ourselves."""
    ours = {h.casefold() for h in Account.objects.filter(network=network).values_list("handle", flat=True)}
    return [info for info in infos if info.handle.casefold() not in ours]


def fetch(profiles: Sequence[Profile], *, account: Account, priority: int = Priority.LOW) -> None:
    """Have these profiles read from their network by ``account``; a profile waiting to be read is not queued twice."""
    waiting = set(
        Task.objects.filter(
            profile__in=profiles,
            kind=ActionKind.FETCH_PROFILE,
            state__in=(TaskState.PENDING, TaskState.RUNNING),
        ).values_list("profile_id", flat=True)
    )
    stamp = f"{clock.database_now():%Y%m%d%H%M%S}"
    tasks.add_many(
        [
            NewTask(
                account_id=account.pk, kind=ActionKind.FETCH_PROFILE, profile=profile, priority=priority,
                dedupe_key=f"profile:{profile.pk}:{stamp}",
            )
            for profile in profiles if profile.pk not in waiting
        ]
    )  # fmt: skip


@effects.on_completed(ActionKind.FETCH_PROFILE)
def take_profile(task: Task, result: ProfileInfo) -> None:
    """A profile was read: its facts are kept and the person is judged by the rules."""
    if task.profile is None:
        return
    record_fetch(task.profile, result, refresh_after=REFRESH_AFTER)
    qualification.qualify([task.profile.person_id], by=None)


@transaction.atomic
def queue_handles(*, network: str, handles: Iterable[str], account: Account, by: Actor) -> Queued:
    """Add profiles by hand and have them read at once. Raises :class:`ValidationError` naming a handle that is none."""
    if account.network != network:
        raise ValidationError({"account": f"{account} is not on {network}."})
    infos = []
    for handle in handles:
        try:
            infos.append(ProfileInfo(handle=normalise(network, handle), remote_id=""))
        except ValueError as error:
            raise ValidationError({"handles": str(error)}) from error
    new, known = find_or_add_profiles(
        network=network, infos=_without_ours(network, infos), found_by=account, found_via=MANUAL, by=by
    )
    fetch(new, account=account, priority=Priority.HIGH)
    return Queued(added=len(new), known=known)


def refresh(*, profile: Profile, account: Account, by: Actor) -> None:
    """Have one known profile read again now."""
    fetch([profile], account=account, priority=Priority.HIGH)
    events.emit("profile.refresh_asked", model="leads.profile", ids=[profile.pk], by=by)


def refresh_due(limit: int = 500) -> int:
    """Queue known profiles whose refresh time has come, each with the account that found it; returns how many."""
    due = list(
        Profile.objects.filter(refresh_at__lte=Now(), found_by__isnull=False)
        .select_related("found_by")
        .order_by("refresh_at")[:limit]
    )
    by_account: dict[Account, list[Profile]] = {}
    for profile in due:
        if profile.found_by is not None and profile.found_by.network == profile.network:
            by_account.setdefault(profile.found_by, []).append(profile)
    for account, profiles in by_account.items():
        fetch(profiles, account=account)
    # Not asked for again before this round is over, whatever becomes of it.
    Profile.objects.filter(pk__in=[p.pk for p in due]).update(refresh_at=Now() + timedelta(days=1))
    return len(due)
