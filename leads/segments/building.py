"""Building a segment: everybody is looked at once, a few thousand at a time, in batches too short for others to notice."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from leads.enums import SegmentStatus
from leads.models import Person, Segment
from leads.segments.membership import put_right_range
from outreach.lib import events, stopping

LEASE = timedelta(seconds=30)
FIRST_BATCH = 1_000  # ids
LARGEST_BATCH = 20_000
AIM = 0.04  # seconds of one batch; it holds the segment's row alone, and followers wait for that
REST = 0.25  # of a batch's time, so that others get the machine too


def build(segment_id: int, *, seconds: float | None = None) -> tuple[Segment | None, bool]:
    """Go on applying a segment's rules where the last call stopped; the segment, and whether nothing is left to do.

    Effects: memberships and the segment's ``built_to``, batch by batch; ``segment.built`` at the end. Returns at once
    when somebody else is at it.
    """
    if not _lease(segment_id):
        return Segment.objects.filter(pk=segment_id).first(), True
    ends = None if seconds is None else time.monotonic() + seconds
    size = FIRST_BATCH
    while True:
        began = time.monotonic()
        if not _build_batch(segment_id, size):
            return Segment.objects.filter(pk=segment_id).first(), True
        took = time.monotonic() - began
        size = max(100, min(LARGEST_BATCH, int(size * min(2.0, AIM / max(took, 0.001)))))
        if stopping.requested() or (ends is not None and time.monotonic() > ends):
            Segment.objects.filter(pk=segment_id).update(leased_until=None)
            return Segment.objects.filter(pk=segment_id).first(), False
        time.sleep(took * REST)


def _lease(segment_id: int) -> bool:
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    mine = Segment.objects.filter(free, pk=segment_id, status=SegmentStatus.BUILDING)
    top = Person.objects.aggregate(top=Max("pk"))["top"] or 0
    return bool(mine.update(leased_until=Now() + LEASE, build_top=top))


@transaction.atomic
def _build_batch(segment_id: int, size: int) -> bool:
    """Whether the build goes on after this batch."""
    segment = Segment.objects.select_for_update(no_key=True).filter(pk=segment_id).first()
    if segment is None or segment.status != SegmentStatus.BUILDING:
        return False
    # Whoever is added above the top meanwhile is noted by the triggers, as everybody who changes.
    to = min(segment.built_to + size, segment.build_top)
    put_right_range(segment, segment.built_to, to)
    if to < segment.build_top:
        Segment.objects.filter(pk=segment_id).update(built_to=to, leased_until=Now() + LEASE)
        return True
    Segment.objects.filter(pk=segment_id).update(
        built_to=to, status=SegmentStatus.READY, built_at=Now(), leased_until=None, error=""
    )
    events.emit("segment.built", model="leads.segment", ids=[segment_id])
    return False
