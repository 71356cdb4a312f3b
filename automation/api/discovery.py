"""Discovery: where new profiles come from, and how leads are judged."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.models import Account
from automation.api.frontier import look_now
from automation.api.schemas import (
    DecisionIn,
    DecisionOut,
    HandlesIn,
    JudgedOut,
    QualifyIn,
    QueuedOut,
    RefreshIn,
    SourceIn,
    SourceOut,
    SourceQuery,
)
from automation.api.schemas_discovery import LookOut
from automation.discovery import qualification, services
from automation.models import Decision, Source
from leads.api import profiles
from leads.api.schemas import ProfileOut
from leads.models import Person, Profile
from outreach.lib.errors import all_named, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Discovery"])
READ = needs("sources:read", "automation.view_source")
ACT = needs("sources:act", "automation.change_source")
QUEUE = needs("profiles:write", "leads.add_profile")
JUDGE = needs("people:write", "automation.add_decision")


@router.get("/sources", response=Page[SourceOut], summary="List sources", **READ)
def list_sources(request: HttpRequest, query: Query[SourceQuery]) -> Any:
    return page(Source.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/sources",
    response={201: SourceOut},
    summary="Add a source",
    **needs("sources:write", "automation.add_source"),
)
@idempotent(201)
def create_source(request: HttpRequest, body: SourceIn) -> SourceOut:
    """Nothing is read before it is run."""
    account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals():
        source = services.add_source(
            **body.model_dump(exclude={"account_id"}), account=account, by=caller(request)
        )
    return SourceOut.from_orm(source)


@router.get("/sources/{int:source_id}", response=SourceOut, summary="Show a source", **READ)
def show_source(request: HttpRequest, source_id: int) -> Any:
    return find(Source.objects.all(), source_id)


@router.post(
    "/sources/{int:source_id}/run", response={202: LookOut}, summary="Read from its beginning", **ACT
)
def run_source(request: HttpRequest, source_id: int) -> Any:
    """Follow its entry on the frontier; asking again while it is being read gives the page that is being read."""
    source = find(Source.objects.select_related("account"), source_id)
    with refusals(409):
        entry = services.run_source(source=source, by=caller(request))
    return look_now(entry.pk)


@router.post("/sources/{int:source_id}/stop", response=SourceOut, summary="Read no further", **ACT)
def stop_source(request: HttpRequest, source_id: int) -> Any:
    source = find(Source.objects.all(), source_id)
    services.stop_source(source=source, by=caller(request))
    return find(Source.objects.all(), source_id)


# On the router that lists profiles: two routers that share a path would hide each other's methods.
@profiles.router.post("/profiles", response={202: QueuedOut}, summary="Queue handles", **QUEUE)
@idempotent(202)
def queue_handles(request: HttpRequest, body: HandlesIn) -> QueuedOut:
    """Whom we do not know becomes a lead, whose profile is read from the network at once."""
    account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals():
        queued = services.queue_handles(
            network=body.network, handles=body.handles, account=account, by=caller(request)
        )
    return QueuedOut.from_orm(queued)


@router.post(
    "/profiles/{int:profile_id}/refresh", response={202: ProfileOut}, summary="Read a profile again", tags=["Profiles"],
    **needs("profiles:write", "leads.change_profile"),
)  # fmt: skip
def refresh(request: HttpRequest, profile_id: int, body: RefreshIn) -> Any:
    profile = find(Profile.objects.all(), profile_id)
    networks_accounts = Account.objects.filter(network=profile.network)
    account = named(networks_accounts, body.account_id, "account_id")
    services.refresh(profile=profile, account=account, by=caller(request))
    return profile


@router.post(
    "/people/qualify", response=JudgedOut, summary="Judge leads by the rules", tags=["People"], **JUDGE
)
def qualify(request: HttpRequest, body: QualifyIn) -> Any:
    people = all_named(Person.objects.all(), body.person_ids, "person_ids")
    return qualification.qualify([person.pk for person in people], by=caller(request))


@router.get(
    "/people/{int:person_id}/decisions", response=Page[DecisionOut], summary="List judgements", tags=["People"],
    **needs("people:read", "automation.view_decision"),
)  # fmt: skip
def list_decisions(request: HttpRequest, person_id: int, query: Query[ListQuery]) -> Any:
    person = find(Person.objects.all(), person_id)
    return page(Decision.objects.filter(person=person), cursor=query.cursor, limit=query.limit)


@router.post(
    "/people/{int:person_id}/decisions",
    response={201: DecisionOut},
    summary="Judge by hand",
    tags=["People"],
    **JUDGE,
)
@idempotent(201)
def decide(request: HttpRequest, person_id: int, body: DecisionIn) -> DecisionOut:
    """Rules no longer overrule it."""
    person = find(Person.objects.all(), person_id)
    with refusals():
        decision = qualification.decide(
            person=person, verdict=body.verdict, reason=body.reason, by=caller(request)
        )
    return DecisionOut.from_orm(decision)
