"""Who has to be looked at: everybody when a step is new or changed, anybody whom staff name, and nobody by polling.

Profiles that appear or change are marked by a trigger of the database, whatever changed them; the queue's takers ask at each
of their turns whether anybody is due (:func:`nudge`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from automation.enrichment import registry
from automation.models import Enrichment, EnrichmentStep
from leads.models import Profile
from outreach.lib import events, queue, stopping
from outreach.lib.actors import Actor
from outreach.lib.events import Event
from outreach.lib.notify import notify
from outreach.lib.queue import broker

OFFLINE_JOB = "automation.jobs.enrich"
ONLINE_JOB = "automation.jobs.enrich_online"
CHUNK = 5_000  # profiles marked in one transaction

# Whether there is work of each kind that nobody is at.
LOOK = """
SELECT
    (EXISTS (SELECT FROM automation_enrichment WHERE due_at <= now())
        OR EXISTS (SELECT FROM automation_enrichmentstep WHERE NOT complete))
    AND NOT EXISTS (SELECT FROM automation_enrichmentrunner WHERE kind = 'offline' AND leased_until > now()),
    EXISTS (SELECT FROM automation_enrichment WHERE online_at <= now())
    AND NOT EXISTS (SELECT FROM automation_enrichmentrunner WHERE kind = 'online' AND leased_until > now())
"""
MARK = """
INSERT INTO automation_enrichment AS row (profile_id, steps, facts, failed, due_at, revision, deaths, online_deaths)
SELECT id, '{}', '{}', '{}', now(), 0, 0, 0 FROM leads_profile WHERE id > %s ORDER BY id LIMIT %s
ON CONFLICT (profile_id) DO UPDATE SET due_at = least(row.due_at, now())
RETURNING profile_id
"""
# The steps named, or with "failed" those of them that failed, are as if they had never run.
FORGET = """
UPDATE automation_enrichment AS row SET steps = row.steps - chosen.names, due_at = least(row.due_at, now()),
    failed = ARRAY(SELECT unnest(row.failed::text[]) EXCEPT SELECT unnest(chosen.names)), revision = row.revision + 1
FROM (
    SELECT profile_id, CASE WHEN %(failed)s
        THEN ARRAY(SELECT unnest(failed::text[]) INTERSECT SELECT unnest(%(steps)s::text[]))
        ELSE %(steps)s::text[] END AS names
    FROM automation_enrichment WHERE profile_id = ANY(%(ids)s) ORDER BY profile_id FOR NO KEY UPDATE
) AS chosen
WHERE row.profile_id = chosen.profile_id AND cardinality(chosen.names) > 0
RETURNING row.profile_id
"""


def connect() -> None:
    """Have somebody look whenever profiles come in; called once when Django starts."""
    broker.at_each_turn(nudge)
    for name in ("profile.added", "profile.fetched"):
        events.subscribe(name, _wake)


def _wake(event: Event) -> None:
    """The trigger has marked them; the queue's takers look as soon as this is committed."""
    notify(queue.CHANNEL)


def nudge() -> None:
    """Ask for whoever is due to be enriched; cheap, and called at every turn of the queue's takers."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK)
        offline, online = cursor.fetchone()
    if offline:
        queue.enqueue(OFFLINE_JOB, dedupe=OFFLINE_JOB)
    if online:
        queue.enqueue(ONLINE_JOB, dedupe=ONLINE_JOB)


def overdue(before: datetime) -> int:
    """How many profiles should have been looked at before a moment, and were not."""
    late = Q(due_at__lt=before) | Q(online_at__lt=before)
    return Enrichment.objects.filter(late).count()


def after_migrate(**_: Any) -> None:
    """A release may bring steps or change them."""
    if EnrichmentStep._meta.db_table in connection.introspection.table_names():
        announce()


def announce() -> list[str]:
    """Compare the steps there are with those that were handed out, and have new and changed ones handed out to everybody.

    Returns their names. Called after each migrate and by the sweep that looks after what was forgotten.
    """
    there = {step.name: step.version for step in registry.steps()}
    with transaction.atomic():
        rows = EnrichmentStep.objects.select_for_update().order_by("name")
        given = dict(rows.values_list("name", "version"))
        changed = sorted(name for name, version in there.items() if given.get(name) != version)
        nobody = not Profile.objects.exists()  # then the trigger sees to all who come
        EnrichmentStep.objects.bulk_create(
            [EnrichmentStep(name=name, version=there[name], complete=nobody) for name in changed],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["version", "marked_to", "complete"],
        )
        EnrichmentStep.objects.exclude(name__in=there).delete()
    return changed


def hand_out(*, seconds: float | None = None) -> int:
    """Go on marking everybody for steps that are new or changed; how many profiles were marked. Resumes where it stopped."""
    ends = None if seconds is None else time.monotonic() + seconds
    marked = 0
    while not stopping.requested() and (ends is None or time.monotonic() < ends):
        found = _mark_chunk()
        if found is None:
            break
        marked += found
    return marked


@transaction.atomic
def _mark_chunk() -> int | None:
    """Mark the next profiles for all unfinished steps at once; ``None`` when there are no such steps, or somebody is at it."""
    unfinished = EnrichmentStep.objects.select_for_update(skip_locked=True).filter(complete=False)
    steps = list(unfinished.order_by("marked_to", "name"))
    if not steps:
        return None
    start = steps[0].marked_to
    with connection.cursor() as cursor:
        cursor.execute(MARK, [start, CHUNK])
        ids = [pk for (pk,) in cursor.fetchall()]
    names = [step.name for step in steps if step.marked_to == start]
    done = {"marked_to": max(ids, default=start), "complete": len(ids) < CHUNK}
    EnrichmentStep.objects.filter(name__in=names).update(**done)
    return len(ids)


def run_again(
    profile_ids: Iterable[int], *, steps: Iterable[str] = (), only_failed: bool = False, by: Actor
) -> int:
    """Have steps run again for these profiles, all or the named ones; how many profiles. ``only_failed`` takes those of the
    steps that failed, where they did.

    Raises :class:`ValueError` for a step that does not exist. Effects: tries count anew; ``profile.enrichment_asked``.
    """
    known = [step.name for step in registry.steps()]
    wanted = sorted(set(steps)) or known
    for name in wanted:
        if name not in known:
            raise ValueError(f'There is no step "{name}". Known: {", ".join(known)}.')
    values: dict[str, Any] = {"ids": sorted(set(profile_ids)), "steps": wanted, "failed": only_failed}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FORGET, values)
        asked = sorted(pk for (pk,) in cursor.fetchall())
        if asked:
            told = {"steps": wanted, "only_failed": only_failed}
            events.emit("profile.enrichment_asked", model="leads.profile", ids=asked, by=by, **told)
            queue.enqueue(OFFLINE_JOB, dedupe=OFFLINE_JOB)
    return len(asked)
