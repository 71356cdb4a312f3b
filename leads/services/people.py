"""People: created, changed, moved along; each function says its effects."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from leads import consent
from leads.addresses import normalise
from leads.enums import Lifecycle, Stage
from leads.models import Note, Person, Profile
from leads.services.profiles import AddressTaken, add_profile
from outreach.lib import events

NAMES = ("display_name", "first_name", "last_name", "company", "title")
FIELDS = (*NAMES, "website", "country", "language", "score", "found_by", "talks_with")


def create_person(*, by: consent.Actor, profiles: Iterable[consent.Address] = (), **fields: Any) -> Person:
    """A new lead with these profiles, given as (network, handle).

    Without a display name it is called by its names or its first handle. Effects: ``person.created`` and
    ``profile.added``; if one of the addresses is suppressed, so is the person. Raises :class:`ValueError`
    when something is not an address, :class:`AddressTaken` when somebody has it already,
    :class:`django.core.exceptions.ValidationError` for bad fields.
    """
    addresses = [(network, normalise(network, handle)) for network, handle in profiles]
    person = Person(**_known(fields))
    person.display_name = person.display_name or _name(person, addresses)
    person.full_clean(validate_unique=False)
    with transaction.atomic():
        consent.hold_addresses(addresses)
        taken = Profile.objects.select_related("person")
        for network, handle in addresses:
            if other := taken.filter(network=network, handle=handle).first():
                raise AddressTaken(other)
        person.save()
        events.emit("person.created", model="leads.person", ids=[person.pk], by=by)
        for network, handle in addresses:
            add_profile(person=person, network=network, handle=handle, by=by)
        person.refresh_from_db(fields=["suppressed_at"])
    return person


def update_person(person: Person, *, by: consent.Actor, **changes: Any) -> bool:
    """Save those of ``changes`` that differ; whether any did.

    Effects: ``updated_at``, and ``person.changed`` with the names of the fields. Raises
    :class:`django.core.exceptions.ValidationError` for bad values; then nothing is changed.
    """
    changed = [name for name, value in _known(changes).items() if getattr(person, name) != value]
    if not changed:
        return False
    draft = copy(person)
    for name in changed:
        setattr(draft, name, changes[name])
    draft.clean_fields(exclude={field.name for field in Person._meta.fields} - set(changed))
    for name in changed:
        setattr(person, name, changes[name])
    with transaction.atomic():
        person.save(update_fields=[*changed, "updated_at"])
        events.emit("person.changed", model="leads.person", ids=[person.pk], by=by, fields=changed)
    return True


def set_stage(person: Person, stage: Stage | str, *, reason: str = "", by: consent.Actor) -> bool:
    """Move a person to ``stage``; whether it was elsewhere before. Effects: ``person.stage_changed`` with
    from and to.
    """
    stage = Stage(stage)
    with transaction.atomic():
        row = Person.objects.select_for_update(no_key=True).filter(pk=person.pk)
        before = row.values_list("stage", flat=True).get()
        if before != stage:
            row.update(stage=stage, stage_reason=reason[:500], updated_at=Now())
            told = {"before": before, "after": str(stage), "reason": reason}
            events.emit("person.stage_changed", model="leads.person", ids=[person.pk], by=by, **told)
            person.stage_reason = reason[:500]
    person.stage = stage
    return before != stage


def convert_to_contact(person: Person, *, by: consent.Actor) -> bool:
    """Make a lead, or somebody archived, a contact; whether it was none. Effects: ``person.changed``."""
    return _set_lifecycle(person, Lifecycle.CONTACT, by)


def archive(person: Person, *, by: consent.Actor) -> bool:
    """Put a person aside; whether it was not yet. Effects: ``person.changed``; nothing is deleted."""
    return _set_lifecycle(person, Lifecycle.ARCHIVED, by)


def restore(person: Person, *, by: consent.Actor) -> bool:
    """Take a person out of the archive, as a lead; whether it was in it. Effects: ``person.changed``."""
    return person.lifecycle == Lifecycle.ARCHIVED and _set_lifecycle(person, Lifecycle.LEAD, by)


def add_note(person: Person, text: str, *, by: consent.Actor) -> Note:
    """Write a note on a person. Effects: ``person.noted``. Raises :class:`ValueError` for an empty text."""
    if not text.strip():
        raise ValueError("A note needs some text.")
    author = by if isinstance(by, User) else None
    with transaction.atomic():
        note = Note.objects.create(person=person, author=author, text=text.strip())
        events.emit("person.noted", model="leads.person", ids=[person.pk], by=by)
    return note


def _set_lifecycle(person: Person, lifecycle: Lifecycle, by: consent.Actor) -> bool:
    others = Person.objects.filter(pk=person.pk).exclude(lifecycle=lifecycle)
    with transaction.atomic():
        changed = bool(others.update(lifecycle=lifecycle, updated_at=Now()))
        if changed:
            told = {"fields": ["lifecycle"], "after": str(lifecycle)}
            events.emit("person.changed", model="leads.person", ids=[person.pk], by=by, **told)
    person.lifecycle = lifecycle
    return changed


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise TypeError(f"A person has no {', '.join(sorted(unknown))} to set. Known: {', '.join(FIELDS)}.")
    return fields


def _name(person: Person, addresses: list[consent.Address]) -> str:
    names = f"{person.first_name} {person.last_name}".strip()
    return (names or (addresses[0][1] if addresses else ""))[:255]
