"""Segments follow people. Triggers note who changed, whatever changed them; this takes the notes and puts memberships right.

Triggers, because a service that forgets to announce a change, an import's COPY and a statement typed into psql all
change people too: what the database itself notes cannot be forgotten.
"""

from __future__ import annotations

import time

from django.db import connection, transaction

from leads.models import MatchPending, PersonChange, Segment
from leads.segments.membership import on_join, put_right_ids
from outreach.lib import queue, stopping

__all__ = ["changes_wait", "follow_changes", "nudge", "on_join"]

BATCH = 2_000  # changes in one transaction
LOCK = (0x6C65_6164, 1)  # "lead": one follower at a time, others have nothing to do
# Chosen apart: as part of the statement PostgreSQL may choose again for every row, and take more than it was told to.
TAKE = """
WITH chosen AS MATERIALIZED (SELECT id FROM leads_personchange ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
DELETE FROM leads_personchange USING chosen WHERE leads_personchange.id = chosen.id
RETURNING person_id
"""
JOB = "leads.jobs.follow_changes"


def changes_wait() -> bool:
    """Whether somebody changed whom segments have not looked at yet."""
    return PersonChange.objects.exists()


def follow_changes(*, seconds: float | None = None) -> int:
    """Bring every segment up to date with all changes noted so far; how many notes were followed.

    In transactions of at most ``BATCH`` notes, each whole or not at all; one follower works at a time, and whoever
    comes second returns at once. Everybody who changed also waits for :mod:`leads.duplicates` afterwards.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    followed = 0
    while changes_wait() and not stopping.requested() and (ends is None or time.monotonic() < ends):
        taken = _follow_batch()
        if taken is None:
            break
        followed += taken
    return followed


def nudge() -> None:
    """Ask for a follower if one is needed and none is at work; cheap, and called at every turn of the queue's takers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM leads_personchange)")
        (waiting,) = cursor.fetchone()
        if waiting:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK)
            (idle,) = cursor.fetchone()
            if idle:
                queue.enqueue(JOB, dedupe="follow changes")


@transaction.atomic
def _follow_batch() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK)
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(TAKE, [BATCH])
        taken = [person for (person,) in cursor.fetchall()]
    people = sorted(set(taken))
    for segment in Segment.objects.select_for_update(no_key=True).order_by("pk"):
        put_right_ids(segment, people)
    MatchPending.objects.bulk_create([MatchPending(person_id=pk) for pk in people], ignore_conflicts=True)
    return len(taken)
