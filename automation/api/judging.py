"""How leads were judged, whom we look for, labels, and prompts compared."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from automation.api.schemas_asking import (
    AgreementsOut,
    GroupChange,
    GroupIn,
    GroupOut,
    JudgementOut,
    JudgementQuery,
    LabelIn,
    TrialIn,
    TrialOut,
)
from automation.discovery import qualification
from automation.discovery.qualification import agreement, quotas, trials
from automation.models import Decision, TargetGroup
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Judging"])
READ = needs("people:read", "automation.view_decision")
READ_GROUPS = needs("people:read", "automation.view_targetgroup")


@router.get("/decisions", response=Page[JudgementOut], summary="List judgements", **READ)
def list_judgements(request: HttpRequest, query: Query[JudgementQuery]) -> Any:
    return page(Decision.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/decisions/{int:decision_id}/label", response=JudgementOut, summary="Label as right or wrong",
    **needs("people:write", "automation.add_decision"),
)  # fmt: skip
def label(request: HttpRequest, decision_id: int, body: LabelIn) -> Any:
    """Becomes your own judgement of the lead, which rules and models are held to and no longer overrule."""
    decision = find(Decision.objects.select_related("person"), decision_id)
    with refusals(409):
        return qualification.label(decision, right=body.right, by=caller(request))


@router.get("/agreement", response=AgreementsOut, summary="Compare with labels", **READ)
def show_agreement(request: HttpRequest) -> Any:
    """How far rules, models and prompts agree with people."""
    return {"decided": agreement.decided(), "tried": agreement.tried()}


@router.post(
    "/prompt-trials", response={202: TrialOut}, summary="Try a prompt on labelled leads",
    **needs("model:act", "automation.add_prompttrial"),
)  # fmt: skip
@idempotent(202)
def try_prompt(request: HttpRequest, body: TrialIn) -> TrialOut:
    """Paid for like any judging; no lead changes. See GET /agreement for what came out."""
    with refusals(409):
        return TrialOut(leads=trials.start(version=body.version, size=body.size, by=caller(request)))


@router.get("/target-groups", response=Page[GroupOut], summary="List target groups", **READ_GROUPS)
def list_groups(request: HttpRequest, query: Query[ListQuery]) -> Any:
    return page(TargetGroup.objects.all(), cursor=query.cursor, limit=query.limit)


@router.post(
    "/target-groups", response={201: GroupOut}, summary="Add a target group",
    **needs("people:write", "automation.add_targetgroup"),
)  # fmt: skip
@idempotent(201)
def create_group(request: HttpRequest, body: GroupIn) -> GroupOut:
    """The model judges leads by its description."""
    with refusals():
        return GroupOut.from_orm(quotas.save_group(TargetGroup(**body.model_dump()), by=caller(request)))


@router.patch(
    "/target-groups/{int:group_id}", response=GroupOut, summary="Change a target group",
    **needs("people:write", "automation.change_targetgroup"),
)  # fmt: skip
def change_group(request: HttpRequest, group_id: int, body: GroupChange) -> Any:
    group = find(TargetGroup.objects.all(), group_id)
    for name, value in body.model_dump(exclude_unset=True).items():
        if value is not None or name == "daily_quota":
            setattr(group, name, value)
    with refusals():
        return quotas.save_group(group, by=caller(request))
