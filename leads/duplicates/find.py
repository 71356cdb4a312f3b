"""Twins of whoever changed, found by keys kept for everybody: no pass over all people is ever needed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q

from leads.duplicates.keys import SHARED_BY_FEW, SHOWN_FROM, Key, keys_of, score
from leads.enums import DuplicateStatus
from leads.models import Duplicate, MatchKey, MatchPending, Person, Profile
from outreach.lib import stopping

BATCH = 1_000
LOCK = (0x6C65_6164, 2)
# Chosen apart: as part of the statement PostgreSQL may choose again for every row, and take more than it was told to.
TAKE = """
WITH chosen AS MATERIALIZED (
    SELECT person_id FROM leads_matchpending ORDER BY person_id LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM leads_matchpending USING chosen WHERE leads_matchpending.person_id = chosen.person_id
RETURNING leads_matchpending.person_id
"""
# Keys of these people that few share, with everybody else who has them.
SHARED = """
SELECT mine.person_id, other.person_id, mine.kind, mine.value
FROM leads_matchkey AS mine
JOIN LATERAL (
    SELECT found.person_id, count(*) OVER () AS sharers FROM (
        SELECT person_id FROM leads_matchkey WHERE kind = mine.kind AND value = mine.value LIMIT %s) AS found
) AS other ON other.sharers <= %s AND other.person_id <> mine.person_id
WHERE mine.person_id = ANY(%s)
"""


def waiting() -> bool:
    """Whether somebody changed whose twins were not looked for yet."""
    return MatchPending.objects.exists()


def look(*, seconds: float | None = None) -> int:
    """Work out the keys of everybody who changed and queue pairs that share enough; at how many people it looked.

    Pairs that stopped sharing enough leave the queue; what people decided stays decided.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    looked = 0
    while not stopping.requested() and (ends is None or time.monotonic() < ends):
        found = _look_at_batch()
        if not found:
            break
        looked += found
    return looked


@transaction.atomic
def _look_at_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(TAKE, [BATCH])
        people = [person for (person,) in cursor.fetchall()]
    if people:
        _write_keys(people)
        _pair(people)
    return len(people)


def _write_keys(people: list[int]) -> None:
    addresses: dict[int, list[tuple[str, str]]] = defaultdict(list)
    profiles = Profile.objects.filter(person_id__in=people).order_by()
    for person, network, handle in profiles.values_list("person_id", "network", "handle"):
        addresses[person].append((network, handle))
    rows = Person.objects.filter(pk__in=people).order_by()
    wanted = {
        (pk, *key)
        for pk, display, first, last, website in rows.values_list(
            "pk", "display_name", "first_name", "last_name", "website"
        )
        for key in keys_of((display, first, last), website, addresses[pk])
    }
    there = {
        (person, kind, value): pk
        for pk, person, kind, value in MatchKey.objects.filter(person_id__in=people).values_list(
            "pk", "person_id", "kind", "value"
        )
    }
    MatchKey.objects.filter(pk__in=[pk for key, pk in there.items() if key not in wanted])._raw_delete(
        "default"
    )
    MatchKey.objects.bulk_create(
        [
            MatchKey(person_id=person, kind=kind, value=value)
            for person, kind, value in sorted(wanted - set(there))
        ]
    )


def _pair(people: list[int]) -> None:
    shared = _shared(people)
    sure = {pair: evidence for pair, evidence in shared.items() if score(evidence) >= SHOWN_FROM}
    either = Q(first_id__in=people) | Q(second_id__in=people)
    known = {
        (one.first_id, one.second_id): one
        for one in Duplicate.objects.filter(either).order_by().select_for_update()
    }
    stale = [one.pk for pair, one in known.items() if pair not in sure and one.status == DuplicateStatus.OPEN]
    Duplicate.objects.filter(pk__in=stale).delete()
    there = Person.objects.in_bulk({pk for pair in sure for pk in pair if pair not in known})
    Duplicate.objects.bulk_create(
        [
            Duplicate(first_id=pair[0], second_id=pair[1], score=score(evidence), evidence=evidence)
            for pair, evidence in sorted(sure.items())
            if pair not in known and pair[0] in there and pair[1] in there
        ],
        ignore_conflicts=True,
    )
    changed = []
    for pair, one in known.items():
        if pair in sure and one.evidence != sure[pair]:
            one.evidence, one.score = sure[pair], score(sure[pair])
            changed.append(one)
    Duplicate.objects.bulk_update(changed, ["evidence", "score"])


def _shared(people: list[int]) -> dict[tuple[int, int], dict[str, list[str]]]:
    """What each pair shares, by kind."""
    with connection.cursor() as cursor:
        cursor.execute(SHARED, [SHARED_BY_FEW + 1, SHARED_BY_FEW, people])
        rows: Iterable[tuple[int, int, str, str]] = cursor.fetchall()
    pairs: dict[tuple[int, int], set[Key]] = defaultdict(set)
    for one, other, kind, value in rows:
        pairs[min(one, other), max(one, other)].add((kind, value))
    evidence: dict[tuple[int, int], dict[str, list[str]]] = {}
    for pair, keys in pairs.items():
        by_kind: dict[str, list[str]] = {}
        for kind, value in sorted(keys):
            by_kind.setdefault(str(kind), []).append(value)
        evidence[pair] = by_kind
    return evidence
