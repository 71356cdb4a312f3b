"""Campaigns: drafted, filled with people, started on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.models import Account
from automation.api.schemas import (
    CampaignIn,
    CampaignOut,
    CampaignQuery,
    CampaignRow,
    EnrolIn,
    EnrolledOut,
    EnrolmentOut,
    EnrolmentQuery,
    StepIn,
    StepsIn,
)
from automation.api.schemas_groups import EnrolGroupIn, FollowIn, GroupEnrolmentOut
from automation.campaigns import groups, newcomers, services
from automation.campaigns.queries import funnel
from automation.campaigns.services import StepSpec, VariantSpec
from automation.models import Campaign, Enrolment, GroupEnrolment
from leads.models import Person, PersonList, Profile, Segment
from outreach.lib.errors import ApiError, all_named, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Campaigns"])
READ = needs("campaigns:read", "automation.view_campaign")
WRITE = needs("campaigns:write", "automation.change_campaign")
ACT = needs("campaigns:act", "automation.change_campaign")


@router.get("/campaigns", response=Page[CampaignRow], summary="List campaigns", **READ)
def list_campaigns(request: HttpRequest, query: Query[CampaignQuery]) -> Any:
    rows = Campaign.objects.prefetch_related("accounts").filter(**query.filters())
    found = page(rows, cursor=query.cursor, limit=query.limit)
    _fill_funnels(found["data"])
    return found


@router.post(
    "/campaigns", response={201: CampaignOut}, summary="Draft a campaign",
    **needs("campaigns:write", "automation.add_campaign"),
)  # fmt: skip
@idempotent(201)
def create_campaign(request: HttpRequest, body: CampaignIn) -> CampaignOut:
    """Sends nothing: enrol people, then start it."""
    fields = body.model_dump(exclude={"steps", "account_ids"})
    accounts = all_named(Account.objects.all(), body.account_ids, "account_ids")
    with refusals():
        campaign = services.create_campaign(
            **fields, steps=_specs(body.steps), accounts=accounts, by=caller(request)
        )
    return _shown(campaign.pk)


@router.get("/campaigns/{int:campaign_id}", response=CampaignOut, summary="Show a campaign", **READ)
def show_campaign(request: HttpRequest, campaign_id: int) -> Any:
    return _shown(campaign_id)


@router.put(
    "/campaigns/{int:campaign_id}/steps", response=CampaignOut, summary="Replace a draft's steps", **WRITE
)
def set_steps(request: HttpRequest, campaign_id: int, body: StepsIn) -> Any:
    campaign = find(Campaign.objects.all(), campaign_id)
    with refusals():
        services.set_steps(campaign=campaign, steps=_specs(body.steps), by=caller(request))
    return _shown(campaign_id)


@router.post("/campaigns/{int:campaign_id}/enrol", response=EnrolledOut, summary="Enrol people", **WRITE)
def enrol(request: HttpRequest, campaign_id: int, body: EnrolIn) -> Any:
    """Each once, however often asked. A running campaign begins them at once; a draft, when it is started."""
    campaign = find(Campaign.objects.all(), campaign_id)
    profiles = all_named(Profile.objects.all(), body.profile_ids, "profile_ids")
    people = all_named(Person.objects.all(), body.person_ids, "person_ids")
    if not profiles and not people:
        raise ApiError(422, "Say whom: give profile_ids or person_ids.")
    theirs = Profile.objects.filter(person__in=people, network=campaign.network)
    with refusals(409):
        return services.enrol(campaign=campaign, profiles=[*profiles, *theirs], by=caller(request))


@router.post(
    "/campaigns/{int:campaign_id}/enrol-group",
    response={202: GroupEnrolmentOut},
    summary="Enrol a segment or a list",
    **WRITE,
)
@idempotent(202)
def enrol_group(request: HttpRequest, campaign_id: int, body: EnrolGroupIn) -> GroupEnrolmentOut:
    """Everybody who is in it now, in the background: follow the group enrolment. While one is under way, that is given."""
    campaign = find(Campaign.objects.all(), campaign_id)
    if (body.segment_id is None) == (body.list_id is None):
        raise ApiError(422, "Give either segment_id or list_id.")
    group: Segment | PersonList
    if body.segment_id is not None:
        group = named(Segment.objects.all(), body.segment_id, "segment_id")
    else:
        group = named(PersonList.objects.all(), body.list_id or 0, "list_id")
    with refusals(409):
        made = groups.enrol_group(campaign=campaign, group=group, by=caller(request))
    return GroupEnrolmentOut.from_orm(made)


@router.get(
    "/campaigns/{int:campaign_id}/group-enrolments", response=Page[GroupEnrolmentOut],
    summary="List segments and lists being enrolled", **READ,
)  # fmt: skip
def list_group_enrolments(request: HttpRequest, campaign_id: int, query: Query[ListQuery]) -> Any:
    campaign = find(Campaign.objects.all(), campaign_id)
    return page(GroupEnrolment.objects.filter(campaign=campaign), cursor=query.cursor, limit=query.limit)


@router.get(
    "/group-enrolments/{int:group_enrolment_id}",
    response=GroupEnrolmentOut,
    summary="Show how far a group is",
    **READ,
)
def show_group_enrolment(request: HttpRequest, group_enrolment_id: int) -> Any:
    return find(GroupEnrolment.objects.all(), group_enrolment_id)


@router.post(
    "/group-enrolments/{int:group_enrolment_id}/cancel",
    response=GroupEnrolmentOut,
    summary="Enrol nobody more",
    **WRITE,
)
def cancel_group_enrolment(request: HttpRequest, group_enrolment_id: int) -> Any:
    """Whoever is enrolled stays."""
    made = find(GroupEnrolment.objects.all(), group_enrolment_id)
    groups.cancel_group_enrolment(made.pk, by=caller(request))
    return find(GroupEnrolment.objects.all(), group_enrolment_id)


@router.put("/campaigns/{int:campaign_id}/segment", response=CampaignOut, summary="Follow a segment", **WRITE)
def follow_segment(request: HttpRequest, campaign_id: int, body: FollowIn) -> Any:
    """Whoever comes into it from now on is enrolled; a draft keeps them until it is started."""
    campaign = find(Campaign.objects.all(), campaign_id)
    segment = None
    if body.segment_id is not None:
        segment = named(Segment.objects.all(), body.segment_id, "segment_id")
    with refusals(409):
        newcomers.follow_segment(
            campaign=campaign, segment=segment, everybody=body.everybody, by=caller(request)
        )
    return _shown(campaign_id)


@router.get(
    "/campaigns/{int:campaign_id}/enrolments", response=Page[EnrolmentOut], summary="List who is enrolled",
    **needs("campaigns:read", "automation.view_enrolment"),
)  # fmt: skip
def list_enrolments(request: HttpRequest, campaign_id: int, query: Query[EnrolmentQuery]) -> Any:
    campaign = find(Campaign.objects.all(), campaign_id)
    return page(
        Enrolment.objects.filter(campaign=campaign, **query.filters()), cursor=query.cursor, limit=query.limit
    )


@router.post("/campaigns/{int:campaign_id}/start", response=CampaignOut, summary="Start", **ACT)
def start(request: HttpRequest, campaign_id: int) -> Any:
    """From here on it sends, as limits, windows and gaps allow."""
    return _move(request, campaign_id, services.start)


@router.post("/campaigns/{int:campaign_id}/pause", response=CampaignOut, summary="Pause", **ACT)
def pause(request: HttpRequest, campaign_id: int) -> Any:
    return _move(request, campaign_id, services.pause)


@router.post("/campaigns/{int:campaign_id}/resume", response=CampaignOut, summary="Resume", **ACT)
def resume(request: HttpRequest, campaign_id: int) -> Any:
    return _move(request, campaign_id, services.resume)


@router.post("/campaigns/{int:campaign_id}/cancel", response=CampaignOut, summary="End for good", **ACT)
def cancel(request: HttpRequest, campaign_id: int) -> Any:
    """What has not started is cancelled; what has is not recalled."""
    return _move(request, campaign_id, services.cancel)


def _move(request: HttpRequest, campaign_id: int, service: Any) -> CampaignOut:
    campaign = find(Campaign.objects.all(), campaign_id)
    with refusals(409), transaction.atomic():
        service(campaign=campaign, by=caller(request))
    return _shown(campaign_id)


def _shown(campaign_id: int) -> CampaignOut:
    campaign = find(Campaign.objects.prefetch_related("accounts", "steps__variants"), campaign_id)
    _fill_funnels([campaign])
    return CampaignOut.from_orm(campaign)


def _fill_funnels(campaigns: Sequence[Campaign] | QuerySet[Campaign]) -> None:
    states = funnel([campaign.pk for campaign in campaigns])
    for campaign in campaigns:
        campaign.funnel = states.get(campaign.pk, {})  # type: ignore[attr-defined]


def _specs(steps: Sequence[StepIn]) -> list[StepSpec]:
    return [
        StepSpec(
            kind=step.kind,
            delay=step.delay,
            variants=tuple(VariantSpec(**variant.model_dump()) for variant in step.variants),
        )
        for step in steps
    ]
