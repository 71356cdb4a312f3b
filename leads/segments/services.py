"""Segments made, changed and deleted by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from leads.consent import Actor
from leads.enums import SegmentStatus
from leads.models import Segment
from leads.segments.rules import check
from outreach.lib import events, queue
from outreach.lib.actors import as_user

BUILD_JOB = "leads.jobs.build_segment"


@transaction.atomic
def create_segment(*, name: str, rules: Mapping[str, Any], by: Actor, description: str = "") -> Segment:
    """A segment, filled in the background. Effects: ``segment.created``. Raises :class:`ValueError` for bad rules,
    :class:`django.core.exceptions.ValidationError` for a name that is taken.
    """
    segment = Segment(name=name.strip(), description=description, rules=check(rules), created_by=as_user(by))
    segment.full_clean()
    segment.save()
    events.emit("segment.created", model="leads.segment", ids=[segment.pk], by=by)
    _build_later(segment)
    return segment


@transaction.atomic
def change_segment(
    segment: Segment,
    *,
    by: Actor,
    name: str | None = None,
    description: str | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Segment:
    """Change what is given. Other rules are applied to everybody anew in the background; until then those not yet looked at
    stay as they were. Effects: ``segment.changed``.
    """
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    cleaned = locked.rules if rules is None else check(rules)
    other_rules = cleaned != locked.rules
    locked.name = locked.name if name is None else name.strip()
    locked.description = locked.description if description is None else description
    locked.rules = cleaned
    locked.full_clean()
    locked.save(update_fields=["name", "description", "rules"])
    events.emit("segment.changed", model="leads.segment", ids=[segment.pk], by=by, rules=other_rules)
    if other_rules:
        rebuild(locked)
    return Segment.objects.get(pk=segment.pk)


def rebuild(segment: Segment) -> None:
    """Look at everybody once more, in the background."""
    Segment.objects.filter(pk=segment.pk).update(
        status=SegmentStatus.BUILDING, built_to=0, leased_until=None, error=""
    )
    _build_later(segment)


@transaction.atomic
def delete_segment(segment: Segment, *, by: Actor) -> None:
    """Delete a segment; its people stay. Effects: ``segment.deleted``."""
    pk, name = segment.pk, segment.name
    segment.members.all()._raw_delete("default")
    segment.delete()
    events.emit("segment.deleted", model="leads.segment", ids=[pk], by=by, called=name)


def _build_later(segment: Segment) -> None:
    queue.enqueue(BUILD_JOB, segment.pk, dedupe=f"segment {segment.pk}")
