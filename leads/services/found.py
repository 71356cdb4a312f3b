"""What was found out about many people at once: filled in where nobody said otherwise, each kind in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from leads import consent
from leads.addresses import EMAIL
from leads.models import Person, Profile
from leads.services.facts import clean_text
from outreach.lib import events

FILLABLE = {"language": 8, "country": 2}
HOLD = "SELECT id, language, country FROM leads_person WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
FILL = """
UPDATE leads_person SET language = given.language, country = given.country, updated_at = now()
FROM unnest(%s::bigint[], %s::varchar[], %s::varchar[]) AS given (id, language, country)
WHERE leads_person.id = given.id
"""
MARK = """
UPDATE leads_profile SET mail_verdict = given.verdict, mail_note = given.note
FROM unnest(%s::bigint[], %s::varchar[], %s::varchar[]) AS given (id, verdict, note)
WHERE leads_profile.id = given.id
    AND (leads_profile.mail_verdict, leads_profile.mail_note) IS DISTINCT FROM (given.verdict, given.note)
RETURNING leads_profile.id
"""


@dataclass(frozen=True, slots=True)
class Fill:
    """What was found out of one person by field, and what was found out there before."""

    person_id: int
    found: Mapping[str, str]
    before: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address, normalised, that stands where its owner wrote about themselves; ``via`` says where."""

    person_id: int
    handle: str
    via: str


def fill_people(fills: Sequence[Fill], *, by: consent.Actor) -> int:
    """Give people a language and a country where theirs is empty or still what was found out before; how many changed.

    What a person or a file said is never overwritten. Three queries whatever the number. Effects: ``updated_at``, and
    one ``person.changed`` for all. Raises :class:`TypeError` for other fields.
    """
    unknown = {name for fill in fills for name in fill.found} - set(FILLABLE)
    if unknown:
        raise TypeError(f"Nobody may fill in {', '.join(sorted(unknown))}. Known: {', '.join(FILLABLE)}.")
    with transaction.atomic():
        now = _held({fill.person_id for fill in fills})
        changed = {fill.person_id for fill in fills if _fill(now.get(fill.person_id), fill)}
        if changed:
            values = [(pk, now[pk]["language"], now[pk]["country"]) for pk in sorted(changed)]
            with connection.cursor() as cursor:
                cursor.execute(FILL, [list(column) for column in zip(*values, strict=True)])
            told = {"fields": sorted(FILLABLE)}
            events.emit("person.changed", model="leads.person", ids=sorted(changed), by=by, **told)
    return len(changed)


def _held(person_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """What is filled in now, by person; nobody else changes them until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [sorted(person_ids)])
        return {pk: {"language": language, "country": country} for pk, language, country in cursor.fetchall()}


def _fill(row: dict[str, str] | None, fill: Fill) -> bool:
    changed = False
    for name, value in fill.found.items() if row is not None else ():
        fitting = clean_text(value, FILLABLE[name])
        if row is not None and row[name] != fitting and row[name] in ("", fill.before.get(name, "")):
            row[name] = fitting
            changed = True
    return changed


def add_addresses(found: Iterable[Address], *, by: consent.Actor) -> tuple[int, set[str]]:
    """Give people the e-mail addresses that were found with them; how many are new, and which belong to somebody else.

    A no on the list reaches whoever gets the address. Effects: ``profile.added`` once for all. A handful of queries
    whatever the number.
    """
    first: dict[str, Address] = {}
    for one in found:
        first.setdefault(one.handle, one)
    if not first:
        return 0, set()
    with transaction.atomic():
        consent.hold_addresses((EMAIL, handle) for handle in first)
        known = Profile.objects.filter(network=EMAIL, handle__in=list(first))
        owners = dict(known.values_list("handle", "person_id"))
        others = {
            handle for handle, one in first.items() if owners.get(handle, one.person_id) != one.person_id
        }
        there = _there(one.person_id for handle, one in first.items() if handle not in owners)
        new = [
            Profile(network=EMAIL, handle=handle, person_id=one.person_id, found_via=clean_text(one.via, 255))
            for handle, one in sorted(first.items())
            if handle not in owners and one.person_id in there
        ]
        if new:
            Profile.objects.bulk_create(new)
            consent.propagate({one.person_id for one in new}, by=by)
            events.emit("profile.added", model="leads.profile", ids=[one.pk for one in new], by=by)
    return len(new), others


def _there(person_ids: Iterable[int]) -> Collection[int]:
    """Those of these people who still are, kept from going until the transaction ends."""
    rows = Person.objects.select_for_update(no_key=True, of=("self",))
    return set(rows.filter(pk__in=sorted(set(person_ids))).order_by("pk").values_list("pk", flat=True))


def mark_addresses(verdicts: Mapping[int, tuple[str, str]], *, by: consent.Actor) -> list[int]:
    """Say of e-mail addresses, by profile, whether they take mail and why; the profiles whose mark is new.

    ``verdicts`` are of :class:`leads.enums.MailVerdict` (or empty) with a sentence. Effects: ``profile.mail_marked``.
    """
    if not verdicts:
        return []
    order = sorted(verdicts)
    with transaction.atomic(), connection.cursor() as cursor:
        list(
            Profile.objects.select_for_update(no_key=True)
            .filter(pk__in=order)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        notes = [clean_text(verdicts[pk][1], 200) for pk in order]
        cursor.execute(MARK, [order, [verdicts[pk][0] for pk in order], notes])
        changed = sorted(pk for (pk,) in cursor.fetchall())
        if changed:
            events.emit("profile.mail_marked", model="leads.profile", ids=changed, by=by)
    return changed
