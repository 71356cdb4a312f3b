"""Segments by rules and lists by hand."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import segments
from leads.api.schemas_groups import (
    ChangedOut,
    CountOut,
    FieldOut,
    ListIn,
    ListOut,
    MemberOut,
    PeopleIn,
    RulesIn,
    SegmentIn,
    SegmentOut,
    SegmentPatch,
    SegmentQuery,
)
from leads.models import PersonList, Segment
from leads.segments import rules
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page, Rows

router = Router(tags=["Segments and lists"])
READ = needs("segments:read", "leads.view_segment")
CHANGE = needs("segments:write", "leads.change_segment")
READ_LISTS = needs("lists:read", "leads.view_personlist")
CHANGE_LISTS = needs("lists:write", "leads.change_personlist")


@router.get("/segments", response=Page[SegmentOut], summary="List segments", **READ)
def list_segments(request: HttpRequest, query: Query[SegmentQuery]) -> Any:
    return page(Segment.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/segments",
    response={201: SegmentOut},
    summary="Make a segment",
    **needs("segments:write", "leads.add_segment"),
)
@idempotent(201)
def create_segment(request: HttpRequest, body: SegmentIn) -> SegmentOut:
    """It fills in the background and then follows every change of people within a second."""
    with refusals():
        return SegmentOut.from_orm(segments.create_segment(**body.model_dump(), by=caller(request)))


@router.get("/segments/fields", response=Rows[FieldOut], summary="What rules may ask", **READ)
def list_fields(request: HttpRequest) -> Any:
    return {
        "data": [
            {
                "field": name,
                "label": field.label,
                "kind": field.kind,
                "operators": rules.OPERATORS[field.kind],
                "choices": field.choices() if field.choices else None,
            }
            for name, field in rules.FIELDS.items()
        ]
    }


@router.post("/segments/count", response=CountOut, summary="Count whom rules fit", **READ)
def count(request: HttpRequest, body: RulesIn) -> Any:
    """Changes nothing."""
    with refusals():
        return segments.count(body.rules)


@router.get("/segments/{int:segment_id}", response=SegmentOut, summary="Show a segment", **READ)
def show_segment(request: HttpRequest, segment_id: int) -> Any:
    return find(Segment.objects.all(), segment_id)


@router.patch("/segments/{int:segment_id}", response=SegmentOut, summary="Change a segment", **CHANGE)
def change_segment(request: HttpRequest, segment_id: int, body: SegmentPatch) -> Any:
    segment = find(Segment.objects.all(), segment_id)
    with refusals():
        return segments.change_segment(segment, by=caller(request), **body.model_dump(exclude_none=True))


@router.delete(
    "/segments/{int:segment_id}", response={204: None}, summary="Delete a segment",
    **needs("segments:write", "leads.delete_segment"),
)  # fmt: skip
def delete_segment(request: HttpRequest, segment_id: int) -> Any:
    """Its people stay."""
    segments.delete_segment(find(Segment.objects.all(), segment_id), by=caller(request))
    return 204, None


@router.get(
    "/segments/{int:segment_id}/people", response=Page[MemberOut], summary="List who is in it", **READ
)
def list_members(request: HttpRequest, segment_id: int, query: Query[ListQuery]) -> Any:
    return _members(find(Segment.objects.all(), segment_id).members.all(), query)


@router.get("/lists", response=Page[ListOut], summary="List lists", **READ_LISTS)
def list_lists(request: HttpRequest, query: Query[ListQuery]) -> Any:
    return page(PersonList.objects.all(), cursor=query.cursor, limit=query.limit)


@router.post(
    "/lists", response={201: ListOut}, summary="Make a list", **needs("lists:write", "leads.add_personlist")
)
@idempotent(201)
def create_list(request: HttpRequest, body: ListIn) -> ListOut:
    with refusals():
        return ListOut.from_orm(segments.create_list(**body.model_dump(), by=caller(request)))


@router.get("/lists/{int:list_id}", response=ListOut, summary="Show a list", **READ_LISTS)
def show_list(request: HttpRequest, list_id: int) -> Any:
    return find(PersonList.objects.all(), list_id)


@router.delete(
    "/lists/{int:list_id}", response={204: None}, summary="Delete a list",
    **needs("lists:write", "leads.delete_personlist"),
)  # fmt: skip
def delete_list(request: HttpRequest, list_id: int) -> Any:
    """Its people stay."""
    segments.delete_list(find(PersonList.objects.all(), list_id), by=caller(request))
    return 204, None


@router.get(
    "/lists/{int:list_id}/people", response=Page[MemberOut], summary="List who is on it", **READ_LISTS
)
def list_people(request: HttpRequest, list_id: int, query: Query[ListQuery]) -> Any:
    return _members(find(PersonList.objects.all(), list_id).members.all(), query)


@router.post("/lists/{int:list_id}/add", response=ChangedOut, summary="Put people on a list", **CHANGE_LISTS)
def add_people(request: HttpRequest, list_id: int, body: PeopleIn) -> Any:
    chosen = find(PersonList.objects.all(), list_id)
    return {"changed": segments.add_to_list(chosen, body.person_ids, by=caller(request))}


@router.post(
    "/lists/{int:list_id}/remove", response=ChangedOut, summary="Take people off a list", **CHANGE_LISTS
)
def remove_people(request: HttpRequest, list_id: int, body: PeopleIn) -> Any:
    chosen = find(PersonList.objects.all(), list_id)
    return {"changed": segments.remove_from_list(chosen, body.person_ids, by=caller(request))}


def _members(members: QuerySet[Any], query: ListQuery) -> Any:
    return page(members, cursor=query.cursor, limit=query.limit)
