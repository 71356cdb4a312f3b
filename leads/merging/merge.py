"""Making two people one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from leads import consent
from leads.consent import Actor
from leads.merging import images
from leads.merging.relations import all_relations, check_all
from leads.models import Merge, Person, PersonChange, Profile
from outreach.lib import events
from outreach.lib.actors import as_user

FIELDS = (
    "display_name", "first_name", "last_name", "company", "title", "website", "country", "language", "lifecycle", "stage",
    "stage_reason", "score", "found_by_id", "talks_with_id",
)  # fmt: skip
KEPT, GONE = "kept", "gone"  # the two sides
BUSY = "Something is being done for one of them at this moment. Try again in a few seconds."


def merge(*, kept: Person, gone: Person, by: Actor, choose: Mapping[str, str] | None = None) -> Merge:
    """Make ``gone`` part of ``kept``. ``choose`` says for fields from which side they come (``kept`` or ``gone``); left
    out, the kept person's value counts, and the other's where that is empty.

    Effects, in one transaction: whatever is registered moves (profiles, tags, notes, lists, suppressions, and what apps
    above registered), a no of either counts for the whole person and reaches every address, the gone row is deleted, and a
    :class:`Merge` is kept with what changed, enough to take all of it back. Emits ``person.merged``. Raises
    :class:`ValueError` for one person twice, an unknown field, or while an act upon one of them is under way.
    """
    sides = _checked(choose or {})
    if kept.pk == gone.pk:
        raise ValueError("These are one person already.")
    try:
        with transaction.atomic():
            return _merge(kept.pk, gone.pk, sides, by)
    except OperationalError as error:
        raise ValueError(BUSY) from error


def _merge(kept_id: int, gone_id: int, sides: Mapping[str, str], by: Actor) -> Merge:
    both = [kept_id, gone_id]
    kept, gone = _locked(kept_id, gone_id)
    check_all(kept_id, gone_id)
    before = _images(both, {})
    name = str(gone)
    values = _choose(kept, gone, sides)
    if gone.suppressed_at is not None and kept.suppressed_at is None:
        consent.suppress_person(
            person_id=kept_id, reason=_reason(gone), by=by, detail=f"Merged with {gone}, who said no"[:500]
        )
    _move(kept_id, gone_id)
    Person.objects.filter(pk=kept_id).update(
        **{field: told["value"] for field, told in values.items()}, updated_at=Now()
    )
    # Not .delete(): that would take along whatever nobody registered. A row that still points here is an error instead.
    Person.objects.filter(pk=gone_id)._raw_delete("default")
    consent.propagate(kept_id, by=by)
    if kept.suppressed_at is not None:
        # What was waiting for the other, who had not said no, is called off like what was waiting for this one then.
        events.emit(
            "person.suppressed", model="leads.person", ids=[kept_id], by=by, reason="merged", detail=name
        )
    _note(both)
    changes = images.difference(before, _images(both, before))
    made = Merge.objects.create(
        kept_id=kept_id, gone_id=gone_id, gone_name=name[:255], values=_provenance(values), changes=changes,
        moved=_moved(changes, gone_id), created_by=as_user(by),
    )  # fmt: skip
    events.emit("person.merged", model="leads.person", ids=[kept_id], by=by, gone=gone_id, merge=made.pk)
    return made


def _locked(kept_id: int, gone_id: int) -> tuple[Person, Person]:
    """Both people, with their addresses held; who waits for a lock for three seconds is told to come back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', '3s', true)")
    both = [kept_id, gone_id]
    consent.hold_addresses(Profile.objects.filter(person_id__in=both).values_list("network", "handle"))
    rows = Person.objects.select_for_update(of=("self",)).filter(pk__in=both).order_by("pk")
    people = {one.pk: one for one in rows}
    if len(people) < 2:
        raise ValueError("One of these people is gone already. Reload the page.")
    return people[kept_id], people[gone_id]


def _move(kept_id: int, gone_id: int) -> None:
    """Everything registered goes over, each in its own way where it has one."""
    for relation in all_relations():
        if relation.kept:
            continue
        if relation.move is not None:
            relation.move(kept_id, gone_id)
        else:
            relation.rows([gone_id]).update(**{relation.paths[0]: kept_id})


def _note(people: list[int]) -> None:
    """Segments and keys of both are looked at anew, also where no row of theirs changed."""
    PersonChange.objects.bulk_create([PersonChange(person_id=pk) for pk in people])


def _checked(choose: Mapping[str, str]) -> dict[str, str]:
    for field, side in choose.items():
        if field not in FIELDS:
            raise ValueError(f'A merge has no "{field}" to choose. Known: {", ".join(FIELDS)}.')
        if side not in (KEPT, GONE):
            raise ValueError(f'{field} comes from "{KEPT}" or "{GONE}".')
    return dict(choose)


def _choose(kept: Person, gone: Person, sides: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """For each field its value, the side it comes from, and what the other side had."""
    chosen: dict[str, dict[str, Any]] = {}
    for field in FIELDS:
        mine, other = getattr(kept, field), getattr(gone, field)
        side = sides.get(field) or (GONE if mine in ("", None) and other not in ("", None) else KEPT)
        chosen[field] = {
            "value": other if side == GONE else mine, "from": side, "other": mine if side == GONE else other,
        }  # fmt: skip
    return chosen


def _provenance(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is worth telling: fields of which the sides said different things."""
    return {field: dict(told) for field, told in values.items() if told["value"] != told["other"]}


def _images(people: list[int], before: images.Images) -> images.Images:
    """Every row about these people, and those that were before, as they are now."""
    found = images.read(Person, people)
    for relation in all_relations():
        if not relation.kept:
            keys = set(relation.rows(people).values_list("pk", flat=True))
            table = relation.model._meta.db_table
            keys |= {key for name, key in before if name == table}
            found |= images.read(relation.model, sorted(keys))
    return found


def _moved(changes: list[list[Any]], gone_id: int) -> dict[str, int]:
    """Rows that changed hands or went, by table."""
    counted: dict[str, int] = {}
    tables = {
        relation.model._meta.db_table: str(relation.model._meta.verbose_name_plural)
        for relation in all_relations()
    }
    for table, _key, what, image in changes:
        mine = what == "changed" and any(
            pair[0] == gone_id for name, pair in image.items() if name.endswith("_id")
        )
        if table in tables and mine:
            counted[tables[table]] = counted.get(tables[table], 0) + 1
    return counted


def _reason(person: Person) -> str:
    row = person.suppressions.order_by("pk").first()
    return row.reason if row else "manual"
