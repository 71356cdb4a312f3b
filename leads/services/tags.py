"""Tags, put on and taken off any number of people in a few queries."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from leads.consent import Actor
from leads.models import Person, Tag
from outreach.lib import events

PersonTag = Person.tags.through


def tag(person_ids: Iterable[int], names: Iterable[str], *, by: Actor) -> int:
    """Put these tags on these people, making tags that do not exist; how many were put on that were not
    there.

    Effects: ``person.changed``. Four queries whatever the number. Raises :class:`ValueError` for an empty or
    overlong name.
    """
    people = sorted(set(person_ids))
    with transaction.atomic():
        tags = named_tags(names)
        added = put_on((person, pk) for person in people for pk in tags.values())
        if added:
            told = {"fields": ["tags"], "added": sorted(tags)}
            events.emit("person.changed", model="leads.person", ids=people, by=by, **told)
    return added


def untag(person_ids: Iterable[int], names: Iterable[str], *, by: Actor) -> int:
    """Take these tags off these people; how many were taken off. Effects: ``person.changed``."""
    people = sorted(set(person_ids))
    wanted = sorted({clean_name(name) for name in names})
    with transaction.atomic():
        removed, _ = PersonTag.objects.filter(person_id__in=people, tag__name__in=wanted).delete()
        if removed:
            told = {"fields": ["tags"], "removed": wanted}
            events.emit("person.changed", model="leads.person", ids=people, by=by, **told)
    return removed


def clean_name(name: str) -> str:
    """A tag's name as we store it: trimmed, inner spaces single. Raises :class:`ValueError` when empty or too
    long.
    """
    cleaned = " ".join(name.replace("\0", "").split())
    if not cleaned:
        raise ValueError("A tag needs a name.")
    if len(cleaned) > 64:
        raise ValueError(f'The tag "{cleaned[:64]}..." is longer than 64 characters.')
    return cleaned


def named_tags(names: Iterable[str]) -> dict[str, int]:
    """Primary keys of tags by name, made where missing."""
    wanted = sorted({clean_name(name) for name in names})
    Tag.objects.bulk_create([Tag(name=name) for name in wanted], ignore_conflicts=True)
    return dict(Tag.objects.filter(name__in=wanted).values_list("name", "pk"))


def put_on(pairs: Iterable[tuple[int, int]]) -> int:
    """Link (person, tag) keys; how many links are new."""
    wanted = set(pairs)
    if not wanted:
        return 0
    people, tags = ({pair[0] for pair in wanted}, {pair[1] for pair in wanted})
    there = PersonTag.objects.filter(person_id__in=people, tag_id__in=tags).values_list("person_id", "tag_id")
    missing = sorted(wanted - set(there))
    PersonTag.objects.bulk_create(
        [PersonTag(person_id=person, tag_id=tag) for person, tag in missing],
        ignore_conflicts=True,
        batch_size=5_000,
    )
    return len(missing)
