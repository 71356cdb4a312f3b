"""Rows that are due, and who is at them. Nobody holds a lock while computing or fetching: a row is lent for a while, and
whoever dies gives it back by the clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from automation.enrichment.base import Subject
from automation.models import EnrichmentRunner
from leads.models import Profile

LONGEST_POST = 2_000  # characters of a post that steps see
MOST_POSTS = 30  # of a profile, the newest
# Chosen apart: as part of the join PostgreSQL may choose again for every row, and take more than it was told to.
TAKE = """
WITH chosen AS MATERIALIZED (
    SELECT profile_id FROM automation_enrichment WHERE {due} <= now() ORDER BY {due} LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE automation_enrichment AS row
SET {due} = now() + make_interval(secs => %s), {deaths} = least(row.{deaths} + 1, 1000)
FROM chosen
WHERE row.profile_id = chosen.profile_id
RETURNING row.profile_id, row.steps, row.facts, row.revision, row.{deaths}
"""
# In the order of Subject's fields. Posts are those kept one by one, as they stood when last read and from earlier times,
# newest first; where there are none, those that came with the profile itself (whatever else stands there is passed over).
SUBJECTS = """
SELECT profile.id, profile.person_id, profile.network, profile.handle, profile.display_name, profile.bio, profile.url,
    profile.website, profile.location, profile.language, profile.avatar_url, profile.bounced_at IS NOT NULL,
    coalesce(kept.texts, came.texts, '{}'), coalesce(kept.languages, came.languages, '{}')
FROM leads_profile AS profile
LEFT JOIN LATERAL (
    SELECT array_agg(left(text, %(longest)s) ORDER BY posted_at DESC, id) AS texts,
        array_agg(language::text ORDER BY posted_at DESC, id) AS languages
    FROM (SELECT id, text, language, posted_at FROM automation_profilepost WHERE profile_id = profile.id
        ORDER BY posted_at DESC LIMIT %(most)s) AS newest
) AS kept ON true
LEFT JOIN LATERAL (
    SELECT array_agg(left(coalesce(post ->> 'text', ''), %(longest)s) ORDER BY place) AS texts,
        array_agg(left(coalesce(post ->> 'language', ''), 8) ORDER BY place) AS languages
    FROM jsonb_array_elements(CASE jsonb_typeof(profile.recent_posts) WHEN 'array' THEN profile.recent_posts ELSE '[]' END)
        WITH ORDINALITY AS given (post, place)
    WHERE jsonb_typeof(post) = 'object'
) AS came ON kept.texts IS NULL
WHERE profile.id = ANY(%(ids)s)
ORDER BY profile.id
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of two halves: what only computes, and what goes out. ``lease`` is longer than any batch takes, in seconds."""

    name: str
    due: str
    deaths: str
    batch: int
    lease: float


OFFLINE = Kind("offline", "due_at", "deaths", batch=3_000, lease=300.0)
ONLINE = Kind("online", "online_at", "online_deaths", batch=32, lease=600.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A profile that was taken: what is known of it, where it stands, and how often it was taken without an end."""

    subject: Subject
    facts: dict[str, Any]  # the subject's own: what a step finds, those after it see
    steps: dict[str, Any]
    revision: int
    deaths: int
    prints: dict[str, int] = field(default_factory=dict)  # hashes of what steps have read of it, by field


def take(kind: Kind) -> list[Row]:
    """Borrow what is due, the longest waiting first; others leave it alone for ``kind.lease`` seconds."""
    statement = TAKE.format(due=kind.due, deaths=kind.deaths)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [kind.batch, kind.lease])
        taken = {pk: rest for pk, *rest in cursor.fetchall()}
    facts = {pk: dict(json.loads(rest[1])) for pk, rest in taken.items()}
    rows = []
    for subject in subjects(facts):
        steps, _, revision, deaths = taken.pop(subject.pk)
        rows.append(Row(subject, facts[subject.pk], dict(json.loads(steps)), revision, deaths - 1))
    if taken:
        _forget(list(taken))
    return rows


def subjects(facts: Mapping[int, dict[str, Any]]) -> Iterator[Subject]:
    """What steps may know of the profiles with these keys, with the facts that are given; who is gone is left out."""
    with connection.cursor() as cursor:
        cursor.execute(SUBJECTS, {"ids": list(facts), "longest": LONGEST_POST, "most": MOST_POSTS})
        for *plain, texts, languages in cursor.fetchall():
            fields: Any = (*plain, tuple(zip(texts, languages, strict=True)), facts[plain[0]])
            yield Subject(*fields)


def _forget(profile_ids: list[int]) -> None:
    """Rows whose profile is gone go with it."""
    there = Profile.objects.filter(pk__in=profile_ids).values_list("pk", flat=True)
    gone = set(profile_ids) - set(there)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM automation_enrichment WHERE profile_id = ANY(%s)", [sorted(gone)])


@contextmanager
def runner(kind: Kind) -> Iterator[bool]:
    """Whether we are the one runner of this kind while the block runs, so that enriching many never takes all workers."""
    EnrichmentRunner.objects.bulk_create([EnrichmentRunner(kind=kind.name)], ignore_conflicts=True)
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    mine = bool(
        EnrichmentRunner.objects.filter(free, kind=kind.name).update(
            leased_until=Now() + timedelta(seconds=kind.lease)
        )
    )
    try:
        yield mine
    finally:
        if mine:
            EnrichmentRunner.objects.filter(kind=kind.name).update(leased_until=None)


def renew(kind: Kind) -> None:
    """We are still at it."""
    EnrichmentRunner.objects.filter(kind=kind.name).update(leased_until=Now() + timedelta(seconds=kind.lease))
