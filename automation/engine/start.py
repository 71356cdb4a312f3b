"""From claimed to started: the last moment at which a no can stop an act, and the point after which it may have happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from automation.engine import attempts, failpoints, outcomes
from automation.engine.shapes import Claim
from automation.enums import AttemptState, Reason
from outreach.lib import prepared

# The counters of each attempt come as text, since an array of arrays cannot be ragged.
WRITE = """
WITH given AS (
    SELECT * FROM unnest(%(tasks)s::bigint[], %(allowances)s::text[]) AS given(task_id, allowances)),
running AS (
    UPDATE automation_task AS task
    SET state = 'running', attempt_count = task.attempt_count + 1, reason = '', detail = ''
    FROM given WHERE task.id = given.task_id
    RETURNING task.id, task.attempt_count, given.allowances)
INSERT INTO automation_attempt
    (task_id, number, state, deadline, worker, allowances, claimed_at, started_at, error)
SELECT id, attempt_count, %(state)s::text, %(deadline)s::timestamptz, %(worker)s::text, allowances::bigint[], now(),
       CASE WHEN %(state)s::text = 'started' THEN statement_timestamp() END, ''
FROM running
RETURNING id, task_id
"""


CONSENT = (
    "SELECT id FROM leads_person WHERE id = ANY(%s::bigint[]) AND suppressed_at IS NULL ORDER BY id FOR SHARE"
)


def write_attempts(
    claims: Sequence[Claim], *, worker: str, deadline: datetime, started: bool, along: prepared.Query
) -> list[Claim]:
    """Write one attempt a claim and mark the tasks running, in the claim's transaction; ``along`` is run in the same go.

    Returns the claims: of attempts that are ``started`` at once, those whose person has not said no.
    """
    asked = [_writing(claims, worker, deadline, started), along]
    if started:
        asked.append(_consent(claims))
    written, _, *consent = prepared.together(*asked)
    attempt_of = {task_id: attempt_id for attempt_id, task_id in written}
    for claim in claims:
        claim.attempt_id = attempt_of[claim.task_id]
    return _willing(claims, *consent) if started else list(claims)


def _writing(claims: Sequence[Claim], worker: str, deadline: datetime, started: bool) -> prepared.Query:
    state = AttemptState.STARTED if started else AttemptState.CLAIMED
    given: dict[str, Any] = {
        "tasks": [claim.task_id for claim in claims],
        "allowances": ["{" + ",".join(map(str, claim.allowances)) + "}" for claim in claims],
        "state": state.value, "deadline": deadline, "worker": worker,
    }  # fmt: skip
    return prepared.Query(WRITE, given)


def consenting(claims: Sequence[Claim]) -> list[Claim]:
    """The claims whose person has not said no, with each person's row locked against it until this commits.

    The others' attempts are given up and their tasks cancelled. An opt-out takes the same row lock, so it either
    commits before and is seen here, or waits until the start has committed.
    """
    return _willing(claims, *prepared.together(_consent(claims)))


def _consent(claims: Sequence[Claim]) -> prepared.Query:
    return prepared.Query(CONSENT, [sorted({claim.person_id for claim in claims if claim.person_id})])


def _willing(claims: Sequence[Claim], locked: Sequence[tuple[int]]) -> list[Claim]:
    consent = {person_id for (person_id,) in locked}
    said_no = [claim for claim in claims if claim.person_id and claim.person_id not in consent]
    if said_no:
        given_up = attempts.abandon([claim.attempt_id for claim in said_no])
        outcomes.cancelled(given_up, reason=Reason.SUPPRESSED)
    return [claim for claim in claims if not claim.person_id or claim.person_id in consent]


# One statement, so that it costs one round trip: no lock outlives it, and an opt-out waits for it or is seen by it.
# The task is named too: a server that crashed may have forgotten the claim, and given its attempt's number to another.
BEGIN = """
WITH willing AS MATERIALIZED (
    SELECT id FROM leads_person WHERE id = %(person)s::bigint AND suppressed_at IS NULL FOR SHARE)
UPDATE automation_attempt
SET state = 'started', started_at = now(), deadline = now() + %(seconds)s::float8 * interval '1 second'
WHERE id = %(attempt)s AND task_id = %(task)s AND state = 'claimed' AND deadline > now()
  AND (%(person)s::bigint IS NULL OR EXISTS (SELECT FROM willing))
"""


def begin(claim: Claim, *, seconds: float) -> bool:
    """Start one claimed attempt, with ``seconds`` for its call; false when it may not start any more.

    It may not when its deadline has passed (somebody else has it by now), it was cancelled, or the person said no.
    """
    failpoints.reach("before_start")
    given = {
        "person": claim.person_id, "attempt": claim.attempt_id, "task": claim.task_id, "seconds": seconds,
    }  # fmt: skip
    begun = prepared.execute(BEGIN, given) == 1
    if not begun:
        with transaction.atomic():
            consenting([claim])  # if it was a no that stopped it, this says so on the task
    return begun
