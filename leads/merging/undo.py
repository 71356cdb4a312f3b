"""Making two people of one again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from leads import consent
from leads.consent import Actor
from leads.merging import images
from leads.merging.merge import BUSY
from leads.merging.relations import check_all, key_columns
from leads.models import Merge, Person, PersonChange, Profile
from outreach.lib import events
from outreach.lib.actors import as_user

After = Callable[[int, int], None]
_after: list[After] = []


@dataclass(frozen=True, slots=True)
class Undone:
    """Whom there is again, and what was changed after the merge and therefore stays as it is (``table.column of key``)."""

    person: Person
    stays: tuple[str, ...]


def after_undo(listener: After) -> None:
    """Have ``listener(kept_id, gone_id)`` called in the same transaction once both people are there again."""
    if listener not in _after:
        _after.append(listener)


def undo(record: Merge, *, by: Actor) -> Undone:
    """Take a merge back: every row is as it was before it, unless it was changed again since.

    A no said after the merge stays, with both of them. Effects: ``person.unmerged``. Raises :class:`ValueError` when it
    was undone already, when a later merge has to be undone first, or while an act upon them is under way.
    """
    try:
        with transaction.atomic():
            return _undo(record.pk, by)
    except OperationalError as error:
        raise ValueError(BUSY) from error
    except IntegrityError as error:
        raise ValueError(
            "This merge cannot be taken back: something it would bring back is there anew by now, or what it belongs to "
            "was deleted."
        ) from error


def _undo(merge_id: int, by: Actor) -> Undone:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', '3s', true)")
    record = Merge.objects.select_for_update(of=("self",)).get(pk=merge_id)
    _check(record)
    kept_id = record.kept_id
    assert kept_id is not None  # noqa: S101 - _check has seen it
    consent.hold_addresses(Profile.objects.filter(person_id=kept_id).values_list("network", "handle"))
    Person.objects.select_for_update(of=("self",)).get(pk=kept_id)
    check_all(kept_id, record.gone_id)
    stays = images.take_back(record.changes, key_columns())
    if record.no_since is not None:
        _keep_the_no(record, kept_id, by)
    Merge.objects.filter(pk=record.pk).update(undone_at=Now(), undone_by=as_user(by))
    PersonChange.objects.bulk_create([PersonChange(person_id=pk) for pk in (kept_id, record.gone_id)])
    for listener in _after:
        listener(kept_id, record.gone_id)
    told = {"gone": record.gone_id, "merge": record.pk, "stays": stays[:50]}
    events.emit("person.unmerged", model="leads.person", ids=[kept_id, record.gone_id], by=by, **told)
    return Undone(Person.objects.get(pk=record.gone_id), tuple(stays))


def _check(record: Merge) -> None:
    if record.undone_at is not None:
        raise ValueError("This merge was taken back already.")
    people = [record.kept_id, record.gone_id]
    later = Merge.objects.filter(
        Q(kept_id__in=people) | Q(gone_id__in=people), pk__gt=record.pk, undone_at__isnull=True
    )
    if newest := later.order_by("-pk").first():
        raise ValueError(f"Take back the later merge first: {newest} (#{newest.pk}).")
    if record.kept_id is None or not Person.objects.filter(pk=record.kept_id).exists():
        raise ValueError("Whom they were merged into is no longer there, so it cannot be taken back.")


def _keep_the_no(record: Merge, kept_id: int, by: Actor) -> None:
    for person in (kept_id, record.gone_id):
        consent.suppress_person(person_id=person, by=by, detail="Said no while merged with somebody")


def forget(person_ids: list[int]) -> int:
    """Delete what merges of these people remember, for an erasure: they cannot be taken back any more; how many."""
    return Merge.objects.filter(Q(kept_id__in=person_ids) | Q(gone_id__in=person_ids)).delete()[0]
