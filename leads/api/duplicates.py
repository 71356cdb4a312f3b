"""Who may be one, made one, and made two again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import duplicates, merging
from leads.api.schemas_groups import DuplicateOut, DuplicateQuery, MergeIn, MergeOut, MergeQuery, UndoneOut
from leads.models import Duplicate, Merge, Person
from outreach.lib.errors import find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Duplicates"])
READ = needs("people:read", "leads.view_duplicate")
READ_MERGES = needs("people:read", "leads.view_merge")


@router.get("/duplicates", response=Page[DuplicateOut], summary="List who may be one", **READ)
def list_duplicates(request: HttpRequest, query: Query[DuplicateQuery]) -> Any:
    return page(Duplicate.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.get("/duplicates/{int:duplicate_id}", response=DuplicateOut, summary="Show a pair", **READ)
def show_duplicate(request: HttpRequest, duplicate_id: int) -> Any:
    return find(Duplicate.objects.all(), duplicate_id)


@router.post(
    "/duplicates/{int:duplicate_id}/dismiss", response=DuplicateOut, summary="These are two people",
    **needs("people:write", "leads.change_duplicate"),
)  # fmt: skip
def dismiss(request: HttpRequest, duplicate_id: int) -> Any:
    """The pair does not come back."""
    duplicates.dismiss(find(Duplicate.objects.all(), duplicate_id), by=caller(request))
    return find(Duplicate.objects.all(), duplicate_id)


@router.post(
    "/people/{int:person_id}/merge", response={201: MergeOut}, summary="Merge somebody into this person",
    **needs("people:write", "leads.add_merge"),
)  # fmt: skip
@idempotent(201)
def merge(request: HttpRequest, person_id: int, body: MergeIn) -> MergeOut:
    """Everything of theirs moves here. A no of either counts for both. It can be undone."""
    kept = find(Person.objects.all(), person_id)
    gone = named(Person.objects.all(), body.gone_id, "gone_id")
    with refusals(409):
        return MergeOut.from_orm(merging.merge(kept=kept, gone=gone, by=caller(request), choose=body.choose))


@router.get("/merges", response=Page[MergeOut], summary="List merges", **READ_MERGES)
def list_merges(request: HttpRequest, query: Query[MergeQuery]) -> Any:
    return page(Merge.objects.defer("changes"), cursor=query.cursor, limit=query.limit)


@router.get("/merges/{int:merge_id}", response=MergeOut, summary="Show a merge", **READ_MERGES)
def show_merge(request: HttpRequest, merge_id: int) -> Any:
    return find(Merge.objects.defer("changes"), merge_id)


@router.post(
    "/merges/{int:merge_id}/undo", response=UndoneOut, summary="Take a merge back",
    **needs("people:write", "leads.change_merge"),
)  # fmt: skip
def undo(request: HttpRequest, merge_id: int) -> Any:
    """Every row is as it was, unless it was changed since. A no said since stays."""
    record = find(Merge.objects.all(), merge_id)
    with refusals(409):
        undone = merging.undo(record, by=caller(request))
    return {"person_id": undone.person.pk, "stays": list(undone.stays)}
