"""What a killed worker or a lost nudge left lying: found by its lease, and begun again where it stopped."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from leads import duplicates, segments
from leads.enums import OPEN_STATUSES, SegmentStatus
from leads.models import Export, Import, Segment
from outreach.lib import queue

UNATTENDED = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())


def recover() -> int:
    """Nudge whatever waits and nobody is at; how many nudges. A nudge too many does nothing."""
    waiting = [
        *(("import", pk) for pk in _ids(Import.objects.filter(UNATTENDED, status__in=OPEN_STATUSES))),
        *(("export", pk) for pk in _ids(Export.objects.filter(UNATTENDED, status__in=OPEN_STATUSES))),
        *(("segment", pk) for pk in _ids(Segment.objects.filter(UNATTENDED, status=SegmentStatus.BUILDING))),
    ]
    jobs = {"import": "run_import", "export": "run_export", "segment": "build_segment"}
    for kind, pk in waiting:
        queue.enqueue(f"leads.jobs.{jobs[kind]}", pk, dedupe=f"{kind} {pk}")
    nudges = len(waiting)
    if segments.changes_wait():
        queue.enqueue("leads.jobs.follow_changes", dedupe="follow changes")
        nudges += 1
    if duplicates.waiting():
        queue.enqueue("leads.jobs.find_duplicates", dedupe="find duplicates")
        nudges += 1
    return nudges


def _ids(rows: QuerySet[Any, Any]) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True))
