"""The frontier of discovery: what is to be looked at and why it waits; its plans; posts one could reply to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.models import Account
from automation.api.schemas import TaskOut
from automation.api.schemas_discovery import (
    LookIn,
    LookOut,
    LookQuery,
    OpportunityOut,
    OpportunityQuery,
    OpportunityReplyIn,
    PlanIn,
    PlanOut,
)
from automation.api.tasks import task_now
from automation.discovery import reasons, services
from automation.models import DiscoveryPlan, FrontierEntry, Opportunity
from outreach.lib import clock, networks
from outreach.lib.errors import ApiError, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page, Rows

router = Router(tags=["Discovery"])
READ = needs("sources:read", "automation.view_frontierentry")
ACT = needs("sources:act", "automation.change_frontierentry")
READ_PLANS = needs("sources:read", "automation.view_discoveryplan")
READ_POSTS = needs("opportunities:read", "automation.view_opportunity")
REPLY = needs("opportunities:act", "automation.change_opportunity")


@router.get("/frontier", response=Page[LookOut], summary="List what is to be looked at", **READ)
def list_looks(request: HttpRequest, query: Query[LookQuery]) -> Any:
    """Each with why it waits or how it ended; kept for three days after that."""
    rows = FrontierEntry.objects.select_related("account").filter(**query.filters())
    found = page(rows, cursor=query.cursor, limit=query.limit)
    whys = reasons.explain(found["data"])
    return {**found, "data": [LookOut.of(entry, whys[entry.pk]) for entry in found["data"]]}


@router.post(
    "/frontier", response={202: LookOut}, summary="Look at a list of people",
    **needs("sources:write", "automation.add_frontierentry"),
)  # fmt: skip
@idempotent(202)
def add_look(request: HttpRequest, body: LookIn) -> LookOut:
    """One page; whom it shows is read next. What is to be read already is not added twice."""
    account = None
    if body.account_id is not None:
        account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals():
        entry = services.look(**body.model_dump(exclude={"account_id"}), account=account, by=caller(request))
    return look_now(entry.pk)


@router.get("/frontier/{int:entry_id}", response=LookOut, summary="Show what is to be looked at", **READ)
def show_look(request: HttpRequest, entry_id: int) -> Any:
    return look_now(entry_id)


@router.post("/frontier/{int:entry_id}/run", response={202: LookOut}, summary="Read first", **ACT)
def run_look(request: HttpRequest, entry_id: int) -> Any:
    """Before whatever waits (409 for what no longer does). The day's plan and the account's limits still hold."""
    find(FrontierEntry.objects.all(), entry_id)
    if not services.run_now([entry_id], by=caller(request)):
        raise ApiError(409, "It does not wait any more.")
    return look_now(entry_id)


@router.post("/frontier/{int:entry_id}/cancel", response=LookOut, summary="Call off", **ACT)
def cancel_look(request: HttpRequest, entry_id: int) -> Any:
    """Only what waits; what is being read is stopped by its task (409)."""
    find(FrontierEntry.objects.all(), entry_id)
    if not services.call_off([entry_id], by=caller(request)):
        raise ApiError(409, "It does not wait any more.")
    return look_now(entry_id)


def look_now(entry_id: int) -> LookOut:
    """An entry as it stands now."""
    entry = find(FrontierEntry.objects.select_related("account"), entry_id)
    return LookOut.of(entry, reasons.explain([entry])[entry.pk])


@router.get("/discovery-plans", response=Rows[PlanOut], summary="List discovery plans", **READ_PLANS)
def list_plans(request: HttpRequest) -> Any:
    at_hand = services.at_hand()
    return {"data": [_plan_out(plan, at_hand) for plan in DiscoveryPlan.objects.all()]}


@router.patch(
    "/discovery-plans/{network}", response=PlanOut, summary="Change a discovery plan",
    **needs("sources:write", "automation.change_discoveryplan"),
)  # fmt: skip
def change_plan(request: HttpRequest, network: str, body: PlanIn) -> Any:
    if network not in networks.names():
        raise ApiError(404, f'There is no network "{network}".')
    plan = services.plan_of(network)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(plan, name, value)
    with refusals():
        services.save_plan(plan, by=caller(request))
    return _plan_out(plan, services.at_hand())


def _plan_out(plan: DiscoveryPlan, at_hand: dict[str, int]) -> PlanOut:
    used = plan.used if plan.used_on == clock.database_now().date() else 0
    return PlanOut(
        network=plan.network, daily_looks=plan.daily_looks, used_today=used, refresh_days=plan.refresh_days,
        expand=plan.expand, opportunities_wanted=plan.opportunities_wanted,
        opportunities_at_hand=at_hand.get(plan.network, 0),
    )  # fmt: skip


@router.get(
    "/opportunities",
    response=Page[OpportunityOut],
    summary="List posts to reply to",
    tags=["Opportunities"],
    **READ_POSTS,
)
def list_opportunities(request: HttpRequest, query: Query[OpportunityQuery]) -> Any:
    """Of the last day, on topic, by people who may fit. How many are kept at hand is said in the network's plan."""
    rows = Opportunity.objects.select_related("post", "profile").filter(**query.filters())
    found = page(rows, cursor=query.cursor, limit=query.limit)
    return {**found, "data": [OpportunityOut.of(row) for row in found["data"]]}


@router.get(
    "/opportunities/{int:opportunity_id}", response=OpportunityOut, summary="Show a post to reply to",
    tags=["Opportunities"], **READ_POSTS,
)  # fmt: skip
def show_opportunity(request: HttpRequest, opportunity_id: int) -> Any:
    return OpportunityOut.of(find(Opportunity.objects.select_related("post", "profile"), opportunity_id))


@router.post(
    "/opportunities/{int:opportunity_id}/reply",
    response={202: TaskOut},
    summary="Reply",
    tags=["Opportunities"],
    **REPLY,
)
def reply(request: HttpRequest, opportunity_id: int, body: OpportunityReplyIn) -> Any:
    """Once (409 when it is no longer open), within the account's limits and sending window: follow the task."""
    opportunity = find(Opportunity.objects.all(), opportunity_id)
    account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals(409):
        task = services.reply(opportunity=opportunity, account=account, text=body.text, by=caller(request))
    return task_now(task.pk)


@router.post(
    "/opportunities/{int:opportunity_id}/dismiss", response=OpportunityOut, summary="Dismiss", tags=["Opportunities"],
    **REPLY,
)  # fmt: skip
def dismiss(request: HttpRequest, opportunity_id: int) -> Any:
    """It is not offered again (409 when it is no longer open)."""
    find(Opportunity.objects.all(), opportunity_id)
    if not services.dismiss([opportunity_id], by=caller(request)):
        raise ApiError(409, "It is no longer open.")
    return OpportunityOut.of(find(Opportunity.objects.select_related("post", "profile"), opportunity_id))
