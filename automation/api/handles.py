"""How our own brand could be called on each network, and what is still free. Nothing is registered."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from automation.api.schemas_onboarding import HandleCheckIn, HandleCheckOut
from automation.handles import services
from automation.models import HandleCheck
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Handles"])
READ = needs("handles:read", "automation.view_handlecheck")


@router.get("/handle-checks", response=Page[HandleCheckOut], summary="List handle checks", **READ)
def list_checks(request: HttpRequest, query: Query[ListQuery]) -> Any:
    return page(_checks(), cursor=query.cursor, limit=query.limit)


@router.post(
    "/handle-checks",
    response={202: HandleCheckOut},
    summary="Look which names of a brand are free",
    **needs("handles:write", "automation.add_handlecheck"),
)
@idempotent(202)
def create_check(request: HttpRequest, body: HandleCheckIn) -> HandleCheckOut:
    """Accounts of ours look in the background, one profile a handle: show the check again to see what they found."""
    with refusals():
        check = services.start(**body.model_dump(), by=caller(request))
    return HandleCheckOut.from_orm(check)


@router.get("/handle-checks/{int:check_id}", response=HandleCheckOut, summary="Show a handle check", **READ)
def show_check(request: HttpRequest, check_id: int) -> Any:
    return find(_checks(), check_id)


def _checks() -> QuerySet[HandleCheck]:
    return HandleCheck.objects.prefetch_related("results")
