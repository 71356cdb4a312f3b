"""Who said no. Adding one needs no person; taking one back is for administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import consent
from leads.addresses import address_hash
from leads.api.schemas import LiftedOut, LiftIn, SuppressionIn, SuppressionOut, SuppressionQuery
from leads.models import Suppression
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Suppressions"])
READ = needs("suppressions:read", "leads.view_suppression")


@router.get("/suppressions", response=Page[SuppressionOut], summary="List who said no", **READ)
def list_suppressions(request: HttpRequest, query: Query[SuppressionQuery]) -> Any:
    return page(Suppression.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/suppressions", response={201: SuppressionOut}, summary="Never write to this address",
    **needs("suppressions:write", "leads.add_suppression"),
)  # fmt: skip
@idempotent(201)
def create_suppression(request: HttpRequest, body: SuppressionIn) -> SuppressionOut:
    """Whoever has the address, now or later, is suppressed with it. An address already listed is returned as it is."""
    with refusals():
        consent.suppress_address(**body.model_dump(), by=caller(request))
    digest = address_hash(body.network, body.handle)
    return SuppressionOut.from_orm(Suppression.objects.get(network=body.network, address_hash=digest))


@router.get(
    "/suppressions/{int:suppression_id}", response=SuppressionOut, summary="Show a suppression", **READ
)
def show_suppression(request: HttpRequest, suppression_id: int) -> Any:
    return find(Suppression.objects.all(), suppression_id)


@router.post(
    "/suppressions/{int:suppression_id}/lift", response=LiftedOut, summary="Take a no back",
    **needs("suppressions:write", "leads.delete_suppression"),
)  # fmt: skip
def lift(request: HttpRequest, suppression_id: int, body: LiftIn) -> Any:
    """Only because the person asked for it. A no counts for the whole person, so all their addresses are freed."""
    suppression = find(Suppression.objects.all(), suppression_id)
    with refusals():
        freed = consent.lift(suppression=suppression, by=caller(request), reason=body.reason)
    return {"person_ids": list(freed)}
