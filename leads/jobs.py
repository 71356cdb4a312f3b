"""What django-q2 may call: primary keys in, no logic, safe to be lost, doubled or late."""

from __future__ import annotations

from leads import duplicates, exporting, importing, recovery, segments
from leads.enums import OPEN_STATUSES
from outreach.lib import queue

# A long one gives its worker back now and then, so that short ones get their turn, and goes on.
SLICE = 20.0  # seconds


def run_import(import_id: int) -> int:
    """Take in rows of an import that have no report yet; returns how many it has by now."""
    run = importing.run_import(import_id, seconds=SLICE)
    if run.status in OPEN_STATUSES and run.leased_until is None:
        queue.enqueue("leads.jobs.run_import", import_id, dedupe=f"import {import_id}")
    return run.rows


def run_export(export_id: int) -> int:
    """Write the file of an export; returns how many people are in it."""
    return exporting.run_export(export_id).rows


def build_segment(segment_id: int) -> int:
    """Go on building a segment; returns how many people are in it by now."""
    segment, finished = segments.build(segment_id, seconds=SLICE)
    if not finished:
        queue.enqueue("leads.jobs.build_segment", segment_id, dedupe=f"segment {segment_id}")
    return segment.people_count if segment else 0


def follow_changes() -> int:
    """Bring segments up to date with everybody who changed; returns how many changes it followed."""
    followed = segments.follow_changes(seconds=SLICE)
    if duplicates.waiting():
        queue.enqueue("leads.jobs.find_duplicates", dedupe="find duplicates")
    return followed


def find_duplicates() -> int:
    """Look for twins of everybody who changed; returns at how many people it looked."""
    looked = duplicates.look(seconds=SLICE)
    if duplicates.waiting():
        queue.enqueue("leads.jobs.find_duplicates", dedupe="find duplicates")
    return looked


def recover() -> int:
    """Have somebody go on with what nobody works at any more; returns how many such things there were."""
    return recovery.recover()
