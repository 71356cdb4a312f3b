"""People: listed, added, changed, moved along, and never written to again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import consent, services
from leads.api.schemas import (
    AddressIn,
    NoteIn,
    NoteOut,
    PersonIn,
    PersonOut,
    PersonPatch,
    PersonQuery,
    ProfileOut,
    StageIn,
    SuppressIn,
    TagOut,
    TagQuery,
    TagsIn,
)
from leads.models import Note, Person, Tag
from leads.queries import search_people, with_profiles
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["People"])
READ = needs("people:read", "leads.view_person")
WRITE = needs("people:write", "leads.change_person")


@router.get("/people", response=Page[PersonOut], summary="List people", **READ)
def list_people(request: HttpRequest, query: Query[PersonQuery]) -> Any:
    filters = query.filters(tag="tags__name")
    people = with_profiles(Person.objects.all())
    if words := filters.pop("q", None):
        people = search_people(words, people)
    if (suppressed := filters.pop("suppressed", None)) is not None:
        people = people.filter(suppressed_at__isnull=not suppressed)
    return page(people.filter(**filters), cursor=query.cursor, limit=query.limit)


@router.post(
    "/people", response={201: PersonOut}, summary="Add a person", **needs("people:write", "leads.add_person")
)
@idempotent(201)
def create_person(request: HttpRequest, body: PersonIn) -> PersonOut:
    """A new lead. If one of the addresses has said no, the person comes out suppressed."""
    fields = body.model_dump(exclude={"profiles"})
    addresses = [(item.network, item.handle) for item in body.profiles]
    with refusals():
        person = services.create_person(by=caller(request), profiles=addresses, **fields)
    return _shown(person)


@router.get("/people/{int:person_id}", response=PersonOut, summary="Show a person", **READ)
def show_person(request: HttpRequest, person_id: int) -> Any:
    return find(_people(), person_id)


@router.patch("/people/{int:person_id}", response=PersonOut, summary="Change a person", **WRITE)
def change_person(request: HttpRequest, person_id: int, body: PersonPatch) -> Any:
    person = find(_people(), person_id)
    with refusals():
        services.update_person(person, by=caller(request), **body.model_dump(exclude_unset=True))
    return person


@router.post(
    "/people/{int:person_id}/suppress",
    response=PersonOut,
    summary="Never write to this person again",
    **WRITE,
)
def suppress(request: HttpRequest, person_id: int, body: SuppressIn | None = None) -> Any:
    """On no network. What waits for them is cancelled in the same transaction; doing it again changes nothing."""
    find(Person.objects.all(), person_id)
    given = body or SuppressIn()
    consent.suppress_person(person_id=person_id, reason=given.reason, detail=given.detail, by=caller(request))
    return find(_people(), person_id)


@router.post("/people/{int:person_id}/convert", response=PersonOut, summary="Make a contact", **WRITE)
def convert(request: HttpRequest, person_id: int) -> Any:
    person = find(_people(), person_id)
    services.convert_to_contact(person, by=caller(request))
    return person


@router.post("/people/{int:person_id}/archive", response=PersonOut, summary="Put aside", **WRITE)
def archive(request: HttpRequest, person_id: int) -> Any:
    """Nothing is deleted."""
    person = find(_people(), person_id)
    services.archive(person, by=caller(request))
    return person


@router.post(
    "/people/{int:person_id}/restore", response=PersonOut, summary="Take out of the archive", **WRITE
)
def restore(request: HttpRequest, person_id: int) -> Any:
    person = find(_people(), person_id)
    services.restore(person, by=caller(request))
    return person


@router.post("/people/{int:person_id}/stage", response=PersonOut, summary="Move to a stage", **WRITE)
def set_stage(request: HttpRequest, person_id: int, body: StageIn) -> Any:
    person = find(_people(), person_id)
    services.set_stage(person, body.stage, reason=body.reason, by=caller(request))
    return person


@router.post(
    "/people/{int:person_id}/tags", response=PersonOut, summary="Put tags on or take them off", **WRITE
)
def change_tags(request: HttpRequest, person_id: int, body: TagsIn) -> Any:
    """Tags that do not exist are made."""
    find(Person.objects.all(), person_id)
    with refusals(), transaction.atomic():
        services.untag([person_id], body.remove, by=caller(request))
        if body.add:
            services.tag([person_id], body.add, by=caller(request))
    return find(_people(), person_id)


@router.get(
    "/people/{int:person_id}/notes",
    response=Page[NoteOut],
    summary="List notes",
    **needs("people:read", "leads.view_note"),
)
def list_notes(request: HttpRequest, person_id: int, query: Query[ListQuery]) -> Any:
    person = find(Person.objects.all(), person_id)
    return page(Note.objects.filter(person=person), cursor=query.cursor, limit=query.limit)


@router.post(
    "/people/{int:person_id}/notes",
    response={201: NoteOut},
    summary="Write a note",
    **needs("people:write", "leads.add_note"),
)
@idempotent(201)
def add_note(request: HttpRequest, person_id: int, body: NoteIn) -> NoteOut:
    person = find(Person.objects.all(), person_id)
    with refusals():
        note = services.add_note(person, body.text, by=caller(request))
    return NoteOut.from_orm(note)


@router.post(
    "/people/{int:person_id}/profiles", response={201: ProfileOut}, summary="Add a profile to a person",
    **needs("profiles:write", "leads.add_profile"),
)  # fmt: skip
@idempotent(201)
def add_profile(request: HttpRequest, person_id: int, body: AddressIn) -> ProfileOut:
    """An e-mail address is a profile on the network `email`. One they have already is returned as it is."""
    person = find(Person.objects.all(), person_id)
    with refusals():
        profile, _ = services.add_profile(
            person=person, network=body.network, handle=body.handle, by=caller(request)
        )
    return ProfileOut.from_orm(profile)


@router.get("/tags", response=Page[TagOut], summary="List tags", **needs("tags:read", "leads.view_tag"))
def list_tags(request: HttpRequest, query: Query[TagQuery]) -> Any:
    return page(Tag.objects.all(), cursor=query.cursor, limit=query.limit)


def _people() -> QuerySet[Person]:
    return with_profiles(Person.objects.all())


def _shown(person: Person) -> PersonOut:
    return PersonOut.from_orm(find(_people(), person.pk))
