"""Why tasks wait, counted by reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.enums import PACED_ACTS
from automation.enums import Reason, TaskState

# Tasks are first counted per lane and kind, so that reasons are looked up thousands of times, not millions.
# A hold on the lane goes before its pacing, and both before what the task says itself.
BY_REASON = """
    WITH pending AS (
        SELECT lane_id, kind, reason, due_at > now() AS later, count(*) AS tasks, min(due_at) AS next_at
        FROM automation_task WHERE state = %(pending)s GROUP BY 1, 2, 3, 4
    ), explained AS (
        SELECT pending.tasks,
            CASE
                WHEN hold.reason IS NOT NULL THEN hold.reason
                WHEN pending.kind = ANY(%(paced)s) AND lane.people_until > now() THEN lane.people_reason
                WHEN pending.reason <> '' THEN pending.reason
                WHEN pending.later OR pending.next_at IS NULL THEN %(scheduled)s
                ELSE ''
            END AS reason,
            CASE
                WHEN hold.reason IS NOT NULL THEN greatest(hold.until, pending.next_at)
                WHEN pending.kind = ANY(%(paced)s) THEN greatest(lane.people_until, pending.next_at)
                ELSE pending.next_at
            END AS next_at
        FROM pending
        JOIN automation_lane lane ON lane.account_id = pending.lane_id
        LEFT JOIN LATERAL (
            SELECT reason, until FROM automation_hold
            WHERE lane_id = pending.lane_id AND kind IN ('', pending.kind)
                AND (until IS NULL OR until > now())
            ORDER BY until DESC NULLS FIRST LIMIT 1
        ) hold ON true
    )
    SELECT reason, sum(tasks)::bigint, min(next_at) FROM explained GROUP BY reason ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tasks that wait for one reason; ``next_at`` is when the first of them may run, if anything says so."""

    reason: Reason
    count: int
    next_at: datetime | None

    @property
    def label(self) -> str:
        return str(self.reason.label)


def by_reason() -> list[Waiting]:
    """Pending tasks counted by why they wait, most first, in one query."""
    values: dict[str, Any] = {
        "pending": TaskState.PENDING,
        "paced": [str(kind) for kind in PACED_ACTS],
        "scheduled": Reason.SCHEDULED,
    }
    with connection.cursor() as cursor:
        cursor.execute(BY_REASON, values)
        return [Waiting(Reason(reason), count, next_at) for reason, count, next_at in cursor.fetchall()]
