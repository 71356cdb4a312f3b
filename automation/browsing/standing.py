"""The line for the browser at a glance, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from automation.browsing import slots
from automation.enums import BrowserUrgency

# Both tables have a row for each slot and for each account in line at most. Whose work was called off asks no more; its
# row goes when the next one asks.
NOW = """
SELECT (SELECT count(*) FROM automation_browserslot WHERE number <= %(slots)s AND leased_until > statement_timestamp()),
       (SELECT COALESCE(max(waited), 0) FROM automation_browserslot WHERE number <= %(slots)s),
       (SELECT COALESCE(sum(turns), 0)::bigint FROM automation_browserslot),
       count(*) FILTER (WHERE urgency = %(critical)s), count(*) FILTER (WHERE urgency = %(high)s),
       count(*) FILTER (WHERE urgency = %(low)s),
       COALESCE(EXTRACT(EPOCH FROM statement_timestamp() - min(since)), 0)::float8
FROM automation_browserwait WHERE seen_at > statement_timestamp() - %(forget)s
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Slots, how many are taken, how many stand in line by urgency; waits are in seconds.

    ``longest_wait`` is that of who has stood in line longest and still does, ``last_wait`` the longest of what each slot's
    last holder had stood there. ``turns`` is how often a slot was ever taken.
    """

    slots: int
    taken: int
    last_wait: float
    turns: int
    critical: int
    high: int
    low: int
    longest_wait: float

    @property
    def in_line(self) -> int:
        return self.critical + self.high + self.low

    @property
    def is_used(self) -> bool:
        """Whether anything here ever needed a browser."""
        return self.turns > 0 or self.in_line > 0


def standing() -> Standing:
    """How it stands now, in one query."""
    size = slots.capacity()
    given: dict[str, Any] = {level.name.lower(): level.value for level in BrowserUrgency}
    given |= {"slots": size, "forget": slots.FORGET_AFTER}
    with connection.cursor() as cursor:
        cursor.execute(NOW, given)
        return Standing(size, *cursor.fetchone())
