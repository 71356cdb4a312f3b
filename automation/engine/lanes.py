"""Lanes: woken by writers, leased by workers, released with the time they are next needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.enums import PACED_ACTS, ActionKind
from accounts.models import Account
from automation.engine import policy
from automation.enums import Priority, Reason
from automation.models import Hold, Lane
from outreach.lib import clock, prepared

CHANNEL = "lane_due"  # the NOTIFY channel drains and the dispatcher listen on
LEASE_MARGIN = 1.0  # seconds to record what came of the calls
KINDS = list(ActionKind.values)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one lane until ``until``, as long as ``token`` is the lane's latest."""

    lane_id: int
    network: str
    token: int
    owner: str


class LeaseLost(Exception):
    """Somebody else has leased the lane since: whatever this runner holds is stale and must be dropped."""


def open_lane(account: Account) -> Lane:
    """The account's lane, made on first use."""
    lane, _ = Lane.objects.get_or_create(account=account, defaults={"network": account.network})
    return lane


# Lanes are locked in one order by everybody, or two writers could wait for each other.
WAKE = """
WITH due AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::smallint[]) AS d(lane_id, at, priority)),
asleep AS MATERIALIZED (
    SELECT lane.account_id, due.at, due.priority FROM automation_lane AS lane JOIN due ON lane.account_id = due.lane_id
    WHERE lane.next_at IS NULL OR lane.next_at > due.at OR lane.priority > due.priority
    ORDER BY lane.account_id FOR NO KEY UPDATE OF lane),
woken AS (
    UPDATE automation_lane AS lane
    SET next_at = LEAST(COALESCE(lane.next_at, asleep.at), asleep.at), priority = LEAST(lane.priority, asleep.priority)
    FROM asleep WHERE lane.account_id = asleep.account_id
    RETURNING asleep.at)
SELECT pg_notify(%s, EXTRACT(EPOCH FROM min(at) - clock_timestamp())::text) FROM woken HAVING count(*) > 0
"""


def wake(due: Mapping[int, tuple[datetime, int]]) -> None:
    """Tell the lanes (by account id) that they have work at a time and of a priority; drains hear of it at once."""
    if not due:
        return
    ids = sorted(due)
    with connection.cursor() as cursor:
        cursor.execute(WAKE, [ids, [due[i][0] for i in ids], [due[i][1] for i in ids], CHANNEL])


def wake_on_commit(due: Mapping[int, tuple[datetime, int]]) -> None:
    """Wake lanes once the current transaction is visible to their runners."""
    transaction.on_commit(partial(wake, dict(due)))


LEASE = """
WITH numbered AS (
    SELECT account_id, priority, next_at,
           row_number() OVER (PARTITION BY network ORDER BY priority, next_at)
             + COALESCE((%(busy)s::jsonb ->> network)::int, 0) AS place
    FROM automation_lane
    WHERE next_at <= now() AND (lease_until IS NULL OR lease_until < now())),
candidates AS (
    SELECT * FROM numbered WHERE place <= %(per_network)s::int ORDER BY priority, next_at LIMIT 500),
chosen AS (
    SELECT lane.account_id FROM automation_lane AS lane JOIN candidates USING (account_id)
    WHERE lane.next_at <= now() AND (lane.lease_until IS NULL OR lane.lease_until < now())
    ORDER BY candidates.priority, candidates.next_at LIMIT %(places)s::int
    FOR NO KEY UPDATE OF lane SKIP LOCKED)
UPDATE automation_lane AS lane
SET lease_owner = %(owner)s::text, lease_until = now() + %(seconds)s::float8 * interval '1 second',
    lease_token = lane.lease_token + 1
FROM chosen WHERE lane.account_id = chosen.account_id
RETURNING lane.account_id, lane.network, lane.lease_token
"""


def lease(*, owner: str, places: int, per_network: int, busy: Mapping[str, int]) -> list[Lease]:
    """Lease up to ``places`` due lanes, the most urgent first.

    No network gets more than ``per_network`` of a drain's places, ``busy`` counting those it has already, so that a
    network that hangs cannot take them all.
    """
    given = {
        "busy": json.dumps(dict(busy)), "per_network": per_network, "places": places, "owner": owner,
        "seconds": policy.seconds("lane_lease_seconds"),
    }  # fmt: skip
    return [Lease(lane_id, network, token, owner) for lane_id, network, token in prepared.rows(LEASE, given)]


def seconds_until_due() -> float | None:
    """Seconds until a lane next needs a worker: its next time, or the end of a dead worker's lease if that is later.

    Below zero when one is due already, ``None`` when none waits for anything.
    """
    ((seconds,),) = prepared.rows(EARLIEST)
    return None if seconds is None else float(seconds)


EARLIEST = """
SELECT EXTRACT(EPOCH FROM min(GREATEST(next_at, COALESCE(lease_until, next_at))) - clock_timestamp())
FROM automation_lane WHERE next_at IS NOT NULL
"""
# The first task of each kind and priority, the first unclear one, and the first attempt to be taken for dead.
HEADS = """
SELECT k.kind, head.due_at, pri.priority
FROM unnest(%(kinds)s::text[]) AS k(kind) CROSS JOIN generate_series(0, 3) AS pri(priority)
CROSS JOIN LATERAL (
    SELECT due_at FROM automation_task
    WHERE lane_id = %(lane)s AND kind = k.kind AND priority = pri.priority AND state = 'pending' AND due_at IS NOT NULL
    ORDER BY due_at LIMIT 1) AS head
UNION ALL
(SELECT 'unclear', due_at, 1 FROM automation_task
 WHERE lane_id = %(lane)s AND state = 'unknown' AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)
UNION ALL
(SELECT '', attempt.deadline, 1 FROM automation_attempt AS attempt JOIN automation_task AS task ON task.id = attempt.task_id
 WHERE task.lane_id = %(lane)s AND attempt.state IN ('claimed', 'started') ORDER BY attempt.deadline LIMIT 1)
"""
# What is due already queues up behind the lanes that are: a long backlog must not come first every time.
GIVE_BACK = """
UPDATE automation_lane
SET next_at = CASE WHEN %(at)s::timestamptz IS NOT NULL THEN GREATEST(%(at)s, now()) END,
    priority = %(priority)s::smallint, lease_until = NULL, lease_owner = ''
WHERE account_id = %(lane)s
RETURNING CASE WHEN next_at IS NOT NULL
    THEN pg_notify(%(channel)s::text, EXTRACT(EPOCH FROM next_at - clock_timestamp())::text) END
"""


def release(lease: Lease) -> None:
    """Give the lane back with the time it is next needed; a no-op when the lease was lost meanwhile."""
    lane = _give_back(lease)
    if lane is None:
        return
    # A writer that saw the lane still due did not wake it, though we may have looked before its commit: look once more.
    at, priority = _next(lane)
    if at is not None and (lane.next_at is None or at < lane.next_at):
        wake({lane.pk: (at, priority)})


@transaction.atomic
def _give_back(lease: Lease) -> Lane | None:
    """The lane as it is given back, or ``None`` when it belongs to somebody else."""
    mine = Lane.objects.filter(pk=lease.lane_id, lease_token=lease.token)
    lane = mine.select_for_update(no_key=True).first()
    if lane is not None:
        lane.next_at, priority = _next(lane)
        given = {"at": lane.next_at, "priority": priority, "lane": lane.pk, "channel": CHANNEL}
        prepared.execute(GIVE_BACK, given)
    return lane


def _next(lane: Lane) -> tuple[datetime | None, int]:
    """When and how urgently the lane is next needed, counting its holds, unclear outcomes and open attempts."""
    holds = list(Hold.objects.filter(lane=lane))
    times: list[tuple[datetime, int]] = []
    for kind, due_at, priority in prepared.rows(HEADS, {"kinds": KINDS, "lane": lane.pk}):
        # Unclear outcomes and open attempts have no kind, and nothing holds them back.
        stops = [hold for hold in holds if kind and hold.kind in ("", kind) and not exempt(hold, kind)]
        if any(hold.until is None for hold in stops):
            continue
        waits = [due_at, *(hold.until for hold in stops)]
        if kind in PACED_ACTS and lane.people_until:
            waits.append(lane.people_until)
        times.append((max(waits), priority))
    if not times:
        return None, Priority.NORMAL
    return min(at for at, _ in times), min(priority for _, priority in times)


def exempt(hold: Hold, kind: str) -> bool:
    """Whether a hold on everything lets this kind through: a stopped account may still be verified."""
    return hold.kind == "" and hold.reason == Reason.ACCOUNT_NOT_WORKING and kind == ActionKind.VERIFY


@transaction.atomic
def hold(lane_id: int, *, kind: str, reason: str, until: datetime | None, detail: str = "") -> None:
    """Keep a kind (or, with an empty one, everything) of a lane waiting; a hold for the same reason is never shortened."""
    known = Hold.objects.select_for_update().filter(lane_id=lane_id, kind=kind, reason=reason).first()
    if known and known.until and until and known.until > until:
        return
    Hold.objects.update_or_create(
        lane_id=lane_id, kind=kind, reason=reason, defaults={"until": until, "detail": detail[:255]}
    )


def is_held(lane_id: int) -> bool:
    """Whether everything in the lane waits at the moment."""
    return Hold.objects.filter(Q(until__isnull=True) | Q(until__gt=Now()), lane_id=lane_id, kind="").exists()


@transaction.atomic
def lift(lane_ids: Sequence[int], *, reasons: Sequence[str], kind: str | None = None) -> None:
    """Remove holds for these reasons and wake the lanes; nothing else may hide behind a lifted hold, so runners look.

    Waits for a claim under way, which might yet write such a hold from what it read before; one that comes later waits
    for us, and reads what has changed.
    """
    lock(lane_ids)
    holds = Hold.objects.filter(lane_id__in=lane_ids, reason__in=reasons)
    if kind is not None:
        holds = holds.filter(kind=kind)
    holds.delete()
    rouse(lane_ids)


def lock(lane_ids: Sequence[int]) -> None:
    """Hold these lanes until the transaction ends; nothing is claimed in them meanwhile."""
    list(
        Lane.objects.filter(pk__in=lane_ids)
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )


def rouse(lane_ids: Sequence[int]) -> None:
    """Have the lanes looked at as soon as the transaction commits, whatever they were waiting for."""
    now = clock.database_now()
    wake_on_commit(dict.fromkeys(lane_ids, (now, Priority.NORMAL)))


def forget_expired(lane_id: int, at: datetime) -> None:
    """Drop holds whose time has passed; they would only confuse people."""
    Hold.objects.filter(Q(until__lte=at), lane_id=lane_id).delete()


def lease_end(at: datetime, *, calls: float = 0.0) -> datetime:
    """Until when a lease renewed at ``at`` lasts: longer than the ``calls`` (seconds) that are made under it."""
    return at + timedelta(seconds=max(policy.seconds("lane_lease_seconds"), calls + LEASE_MARGIN))
