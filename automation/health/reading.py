"""What the last tasks of accounts say, in one query however many accounts there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from automation.enums import Reason

LAST = 50  # tasks that are looked at
# The network's no to us, and what it does not get done. Other ends (a profile that is gone, a person's no, an act the
# network does not know) say nothing about the account.
NO = (Reason.REFUSED, Reason.CREDENTIALS)
TROUBLE = (Reason.EXHAUSTED, Reason.POISON)

# The newest of each account come from the index task_lane_finished, past any number of tasks that wait.
MEASURE = """
SELECT account.id,
       count(*) FILTER (WHERE task.state = 'completed' OR task.reason = ANY(%(no)s) OR task.reason = ANY(%(trouble)s)),
       count(*) FILTER (WHERE task.state = 'failed' AND task.reason = ANY(%(no)s)),
       count(*) FILTER (WHERE task.state = 'failed' AND task.reason = ANY(%(trouble)s)
                           OR task.state = 'completed' AND task.failure_count > 0),
       max(hold.until)
FROM accounts_account AS account
LEFT JOIN automation_hold AS hold ON hold.lane_id = account.id AND hold.kind = '' AND hold.reason = %(slowed)s
LEFT JOIN LATERAL (
    SELECT state, reason, failure_count FROM automation_task
    WHERE lane_id = account.id AND finished_at IS NOT NULL
      AND finished_at > COALESCE(account.health_counts_from, '-infinity')
    ORDER BY finished_at DESC LIMIT %(last)s) AS task ON true
WHERE account.id = ANY(%(ids)s)
GROUP BY account.id
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """Of an account's last tasks: how many count, how many its network refused, how many gave trouble and passed.

    ``slowed_until`` is how long the network asked to wait, where it did.
    """

    counted: int = 0
    refused: int = 0
    troubled: int = 0
    slowed_until: datetime | None = None


def read(account_ids: Sequence[int]) -> dict[int, Reading]:
    """The reading of each account. One query."""
    with connection.cursor() as cursor:
        cursor.execute(MEASURE, _given(account_ids))
        return {row[0]: Reading(*row[1:]) for row in cursor.fetchall()}


def plan(account_ids: Sequence[int]) -> str:
    """How PostgreSQL finds the reading, in its own words."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {MEASURE}", _given(account_ids))
        return "\n".join(row[0] for row in cursor.fetchall())


def _given(account_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "ids": list(account_ids), "last": LAST, "no": [str(one) for one in NO],
        "trouble": [str(one) for one in TROUBLE], "slowed": str(Reason.RATE_LIMITED),
    }  # fmt: skip
