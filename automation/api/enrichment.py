"""What was found out about profiles, which steps failed, and having them run again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from automation import enrichment
from automation.api.schemas_enrichment import (
    EnrichmentDetailOut,
    EnrichmentOut,
    EnrichmentQuery,
    RetriedOut,
    RetryIn,
    StepsIn,
)
from automation.models import Enrichment
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Enrichment"])
READ = needs("profiles:read", "automation.view_enrichment")
RUN = needs("profiles:write", "automation.change_enrichment")
CHUNK = 1_000  # profiles whose steps are run again in one transaction


@router.get("/enrichments", response=Page[EnrichmentOut], summary="List what was found out", **READ)
def list_enrichments(request: HttpRequest, query: Query[EnrichmentQuery]) -> Any:
    rows = Enrichment.objects.all()
    if query.standing == "failed" or query.step:
        rows = rows.failed()
    if query.step:
        rows = rows.filter(failed__contains=[query.step])
    if query.standing == "waiting":
        rows = rows.waiting()
    return page(rows, cursor=query.cursor, limit=query.limit)


@router.get(
    "/profiles/{int:profile_id}/enrichment",
    response=EnrichmentDetailOut,
    summary="Show what was found out about a profile",
    **READ,
)
def show_enrichment(request: HttpRequest, profile_id: int) -> Any:
    return find(Enrichment.objects.all(), profile_id)


@router.post(
    "/profiles/{int:profile_id}/enrichment/run",
    response={202: EnrichmentOut},
    summary="Have steps run again for a profile",
    **RUN,
)
def run_again(request: HttpRequest, profile_id: int, body: StepsIn) -> Any:
    """They run in a moment, as if they never had."""
    find(Enrichment.objects.all(), profile_id)
    with refusals():
        enrichment.run_again([profile_id], steps=body.steps, by=caller(request))
    return 202, Enrichment.objects.get(pk=profile_id)


@router.post("/enrichments/retry", response={202: RetriedOut}, summary="Have failed steps run again", **RUN)
def retry(request: HttpRequest, body: RetryIn) -> Any:
    rows = Enrichment.objects.failed()
    if body.step:
        rows = rows.filter(failed__contains=[body.step])
    if body.profile_ids is not None:
        rows = rows.filter(pk__in=body.profile_ids)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    asked = 0
    with refusals():
        for start in range(0, max(1, len(ids)), CHUNK):
            asked += enrichment.run_again(
                ids[start : start + CHUNK],
                steps=[body.step] if body.step else (),
                only_failed=True,
                by=caller(request),
            )
    return 202, RetriedOut(profiles=asked)
