"""What becomes of attempts: closed with an answer, or given up with their units given back.

Every change is conditional on the state the attempt was in, so that who comes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from accounts import limits
from automation.channels.base import Done
from automation.engine import lanes
from automation.engine.shapes import Outcome
from automation.enums import Reason
from automation.models import Attempt, Task
from outreach.lib import prepared

NOTHING = Done()
WORKER_ENDED = "Its worker ended without an answer."


def close(outcomes: Sequence[Outcome], state: str) -> list[Outcome]:
    """Close the started attempts; returns the outcomes whose attempt was still theirs to close."""
    if not outcomes:
        return []
    errors = {o.claim.attempt_id: o.error for o in outcomes if o.error}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt AS a SET state = %s, finished_at = now(), error = COALESCE(given.error, '') "
            "FROM unnest(%s::bigint[], %s::text[]) AS given(id, error) WHERE a.id = given.id AND a.state = 'started' "
            "RETURNING a.id",
            [
                state,
                [o.claim.attempt_id for o in outcomes],
                [errors.get(o.claim.attempt_id, "") for o in outcomes],
            ],
        )
        ours = {row[0] for row in cursor.fetchall()}
    return [outcome for outcome in outcomes if outcome.claim.attempt_id in ours]


COMPLETE = """
WITH given AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given(attempt_id, remote_id, url)),
closed AS (
    UPDATE automation_attempt AS attempt SET state = 'done', finished_at = now()
    FROM given WHERE attempt.id = given.attempt_id AND attempt.state = 'started'
    RETURNING attempt.id, attempt.task_id)
UPDATE automation_task AS task
SET state = 'completed', due_at = NULL, reason = '', detail = '', finished_at = now(),
    remote_id = given.remote_id, url = given.url
FROM closed JOIN given ON given.attempt_id = closed.id
WHERE task.id = closed.task_id
RETURNING closed.id
"""


def complete(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Close started attempts as done and complete their tasks with what finds the act again, in one statement.

    Returns the outcomes whose attempt was still theirs to close.
    """
    if not outcomes:
        return []
    proofs = [o.result if isinstance(o.result, Done) else NOTHING for o in outcomes]
    ids = [o.claim.attempt_id for o in outcomes]
    found = prepared.rows(
        COMPLETE, [ids, [done.remote_id[:255] for done in proofs], [done.url[:500] for done in proofs]]
    )
    ours = {row[0] for row in found}
    return [outcome for outcome in outcomes if outcome.claim.attempt_id in ours]


def abandon(attempt_ids: Sequence[int]) -> list[int]:
    """Give up attempts that were never called: their units go back. Returns the tasks of those it changed."""
    return _abandon("id = ANY(%s) AND state IN ('claimed', 'started')", attempt_ids, error="")


def abandon_claimed(task_ids: Sequence[int], *, error: str = "") -> list[int]:
    """Give up the claimed, not yet started attempts of these tasks; returns the tasks of those it changed.

    Their runners find out when they try to start. One that starts at this very moment is started, and not returned.
    """
    return _abandon("task_id = ANY(%s) AND state = 'claimed'", task_ids, error=error)


def abandon_lost(task_ids: Sequence[int]) -> list[int]:
    """Give up the open attempts of tasks whose worker is gone and that may simply run again; returns those it changed."""
    which = "task_id = ANY(%s) AND state IN ('claimed', 'started') AND deadline < now()"
    return _abandon(which, task_ids, error=WORKER_ENDED, called=True)


def _abandon(which: str, ids: Sequence[int], *, error: str, called: bool = False) -> list[int]:
    """What was never ``called`` was never started, whatever a batch wrote before it looked for consent."""
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt SET state = 'abandoned', finished_at = now(), error = %s, "  # noqa: S608
            f"started_at = CASE WHEN %s THEN started_at END WHERE {which} RETURNING task_id, allowances",
            [error, called, list(ids)],
        )
        rows = cursor.fetchall()
    give_back(unit for _, units in rows for unit in units)
    return [task_id for task_id, _ in rows]


def give_back_unclear(task: Task) -> None:
    """The unclear attempts of a task did not take place: their units go back, once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE automation_attempt SET state = 'abandoned', finished_at = now() "
            "WHERE task_id = %s AND state = 'unknown' RETURNING allowances",
            [task.pk],
        )
        rows = cursor.fetchall()
    give_back(unit for (units,) in rows for unit in units)


# Counters are called account:12 or campaign:3:account:12; a lane is its account's.
MAKE_ROOM = """
WITH freed AS (
    SELECT DISTINCT substring(owner FROM 'account:([0-9]+)$')::bigint AS lane_id, kind,
           substring(owner FROM '^campaign:([0-9]+)')::bigint AS campaign_id
    FROM accounts_allowance WHERE id = ANY(%(units)s)),
lifted AS (
    DELETE FROM automation_hold AS hold USING freed
    WHERE hold.lane_id = freed.lane_id AND hold.kind = freed.kind AND hold.reason = %(limit)s
    RETURNING hold.lane_id),
due AS (
    UPDATE automation_task AS task SET due_at = now(), reason = '', detail = '' FROM freed
    WHERE task.campaign_id = freed.campaign_id AND task.lane_id = freed.lane_id AND task.kind = freed.kind
      AND task.state = 'pending' AND task.reason = %(campaign_limit)s
    RETURNING task.lane_id),
keeping AS MATERIALIZED (
    SELECT freed.lane_id, freed.kind FROM freed JOIN accounts_account AS account ON account.id = freed.lane_id
    WHERE campaign_id IS NULL AND EXISTS (
        SELECT FROM accounts_limit AS rule WHERE rule.kind = freed.kind AND rule.reserve > 0
        AND (rule.account_id = account.id OR rule.network = account.network))),
spared AS (
    UPDATE automation_task AS task SET due_at = now(), reason = '', detail = '' FROM keeping
    WHERE task.lane_id = keeping.lane_id AND task.kind = keeping.kind
      AND task.state = 'pending' AND task.reason = %(reserve)s
    RETURNING task.lane_id)
SELECT lane_id FROM lifted UNION SELECT lane_id FROM due UNION SELECT lane_id FROM spared
"""


def give_back(units: Iterable[int]) -> None:
    """Return units of attempts that did not take place; what waits for one of their limits is tried again."""
    ids = list(units)
    if not ids:
        return
    limits.give_back(ids)
    given: dict[str, Any] = {
        "units": ids, "limit": Reason.LIMIT, "campaign_limit": Reason.CAMPAIGN_LIMIT, "reserve": Reason.RESERVE,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(MAKE_ROOM, given)
        lane_ids = [row[0] for row in cursor.fetchall()]
    if lane_ids:
        lanes.rouse(lane_ids)


def died_with(task: Task) -> bool:
    """Whether the worker of the task's last attempt ended while it ran it."""
    return Attempt.objects.filter(task=task, number=task.attempt_count, error=WORKER_ENDED).exists()
