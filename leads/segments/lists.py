"""Lists of people put together by hand."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from leads.consent import Actor
from leads.models import ListMember, Person, PersonList
from outreach.lib import events
from outreach.lib.actors import as_user


@transaction.atomic
def create_list(*, name: str, by: Actor, description: str = "") -> PersonList:
    """An empty list. Effects: ``list.created``."""
    made = PersonList(name=name.strip(), description=description, created_by=as_user(by))
    made.full_clean()
    made.save()
    events.emit("list.created", model="leads.personlist", ids=[made.pk], by=by)
    return made


@transaction.atomic
def add_to_list(chosen: PersonList, person_ids: Iterable[int], *, by: Actor) -> int:
    """Put people on a list; how many were not on it. Ids of nobody are passed over. Effects: ``list.changed``."""
    wanted = sorted(set(person_ids))
    locked = PersonList.objects.select_for_update(no_key=True).get(pk=chosen.pk)
    there = set(locked.members.filter(person_id__in=wanted).values_list("person_id", flat=True))
    people = Person.objects.filter(pk__in=[pk for pk in wanted if pk not in there]).values_list(
        "pk", flat=True
    )
    author = as_user(by)
    new = [ListMember(list=locked, person_id=pk, added_by=author) for pk in sorted(people)]
    ListMember.objects.bulk_create(new, batch_size=5_000)
    _counted(locked, len(new), by, "added")
    return len(new)


@transaction.atomic
def remove_from_list(chosen: PersonList, person_ids: Iterable[int], *, by: Actor) -> int:
    """Take people off a list; how many were on it. Effects: ``list.changed``."""
    locked = PersonList.objects.select_for_update(no_key=True).get(pk=chosen.pk)
    removed = locked.members.filter(person_id__in=set(person_ids))._raw_delete("default")
    _counted(locked, -removed, by, "removed")
    return removed


@transaction.atomic
def delete_list(chosen: PersonList, *, by: Actor) -> None:
    """Delete a list; its people stay. Effects: ``list.deleted``."""
    pk, name = chosen.pk, chosen.name
    chosen.members.all()._raw_delete("default")
    chosen.delete()
    events.emit("list.deleted", model="leads.personlist", ids=[pk], by=by, called=name)


def _counted(chosen: PersonList, difference: int, by: Actor, what: str) -> None:
    if difference:
        # Counted, not reckoned: people who were deleted left their lists without anybody telling.
        PersonList.objects.filter(pk=chosen.pk).update(people_count=chosen.members.count())
        told = {what: abs(difference)}
        events.emit("list.changed", model="leads.personlist", ids=[chosen.pk], by=by, **told)
