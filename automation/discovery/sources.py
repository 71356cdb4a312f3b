"""Sources: searches, followers, commenters. They are written down, then read page by page from their beginning."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Account
from automation.channels import registry
from automation.discovery import feeding, frontier
from automation.discovery.frontier import Look
from automation.enums import LookKind, LookOrigin, Priority, SourceKind
from automation.models import FrontierEntry, Source
from leads.addresses import normalise
from leads.models import Profile
from outreach.lib import events, networks
from outreach.lib.actors import Actor

LOOK_OF = {
    SourceKind.SEARCH: LookKind.SEARCH,
    SourceKind.RELATED: LookKind.RELATED,
    SourceKind.COMMENTERS: LookKind.COMMENTERS,
}


@transaction.atomic
def add_source(
    *, kind: str, network: str, query: str, account: Account, by: Actor, max_pages: int = 10
) -> Source:
    """Write down where to look; nothing is read before it is run."""
    source = Source(kind=kind, network=network, query=query.strip(), account=account, max_pages=max_pages)
    source.full_clean()
    if account.network != network:
        raise ValidationError({"account": f"{account} is not on {network}."})
    check_kind(network, LOOK_OF.get(SourceKind(kind)), source.get_kind_display())
    if kind != SourceKind.SEARCH:
        source.query = checked_handle(network, source.query)
    source.save()
    events.emit("source.created", model="automation.source", ids=[source.pk], by=by)
    return source


def check_kind(network: str, kind: LookKind | None, label: str) -> None:
    """Raises :class:`ValidationError` when nothing of this kind can be read on a network, saying why."""
    act = feeding.TASK_OF[kind] if kind else ""
    if act not in registry.capabilities(network):
        why = networks.why_closed(network, act)
        raise ValidationError({"kind": f"{network} cannot do this: {label}.{why}"})


def checked_handle(network: str, handle: str, field: str = "query") -> str:
    """The handle in the spelling we keep; :class:`ValidationError` for what is none."""
    try:
        return normalise(network, handle)
    except ValueError as error:
        raise ValidationError({field: str(error)}) from error


@transaction.atomic
def run_source(*, source: Source, by: Actor) -> FrontierEntry:
    """Read the source from its beginning, up to its pages; asking again while it is being read changes nothing.

    Pages seen within the hour are not read again. Returns the entry of its first page, or of the one being read.
    """
    locked = Source.objects.select_for_update().get(pk=source.pk)
    running = FrontierEntry.objects.open().filter(source=locked, kind=LOOK_OF[SourceKind(locked.kind)])
    if (entry := running.first()) is not None:
        return entry
    Source.objects.filter(pk=locked.pk).update(
        active=True, exhausted=False, pages=0, cursor="", last_run_at=Now()
    )
    events.emit("source.run", model="automation.source", ids=[source.pk], by=by)
    frontier.add([_first_page(locked)])
    feeding.feed_on_commit(locked.network)
    return running.get()


def _first_page(source: Source) -> Look:
    profile_id = None
    if source.kind != SourceKind.SEARCH:
        known = Profile.objects.filter(network=source.network, handle=source.query)
        profile_id = known.values_list("pk", flat=True).first()
    return Look(
        network=source.network, kind=LOOK_OF[SourceKind(source.kind)], query=source.query, origin=LookOrigin.SOURCE,
        priority=Priority.NORMAL, account_id=source.account_id, profile_id=profile_id, source_id=source.pk,
    )  # fmt: skip


@transaction.atomic
def stop_source(*, source: Source, by: Actor) -> None:
    """Read no further pages of it. Whom it has found already is still read."""
    Source.objects.filter(pk=source.pk).update(active=False)
    pages = FrontierEntry.objects.filter(source=source).exclude(kind=LookKind.PROFILE)
    frontier.drop(pages, "Its source was stopped.")
    events.emit("source.stopped", model="automation.source", ids=[source.pk], by=by)
