"""How fast an account acts: so many acts a minute, slower when the network fails, faster while there is room.

The rate and the count of the minute stand on the lane, which a claim and its outcomes lock and write anyway: keeping a
rate costs no statement. A minute begins with the first claim after the last one is over, and is judged by the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from automation.engine import lanes, policy
from automation.engine.shapes import Answer, Outcome
from automation.enums import Reason
from automation.models import Lane

MINUTE = timedelta(seconds=60)
# In whole tenths: 100 * 1.1 is a little more than 110 in floating point.
TOO_MANY_ERRORS = 1  # of ten acts of a minute
SLOWER, FASTER = 8, 11  # of ten
# What a claim saves of the lane.
FIELDS = ("rate", "rate_reason", "rate_changed_at", "minute_at", "minute_taken", "minute_failed")


def per_minute(lane: Lane) -> int | None:
    """Acts a minute the lane may do at the moment; ``None`` where the installation keeps no rate."""
    cap = policy.count("rate_cap")
    if cap <= 0:
        return None
    return min(lane.rate or policy.count("rate_start"), cap)


@dataclass(frozen=True, slots=True)
class Standing:
    """A lane's pace, for people. ``per_minute`` is ``None`` where no rate is kept; no minute runs when it has no end."""

    per_minute: int | None
    taken: int
    failed: int
    minute_ends_at: datetime | None
    reason: str
    changed_at: datetime | None


def standing(lane: Lane, at: datetime) -> Standing:
    """The rate as it is, what of it is used, and why it last changed."""
    runs = lane.minute_at is not None and lane.minute_at <= at < lane.minute_at + MINUTE
    return Standing(
        per_minute=per_minute(lane),
        taken=lane.minute_taken if runs else 0,
        failed=lane.minute_failed if runs else 0,
        minute_ends_at=lane.minute_at + MINUTE if runs and lane.minute_at else None,
        reason=lane.rate_reason,
        changed_at=lane.rate_changed_at,
    )


def left(lane: Lane, at: datetime) -> int | None:
    """How many acts this minute still has room for; ``None`` where no rate is kept. The caller saves :data:`FIELDS`.

    When it has none, the whole lane is held until the minute is over.
    """
    rate = per_minute(lane)
    if rate is None:
        return None
    if lane.minute_at is None or not lane.minute_at <= at < lane.minute_at + MINUTE:
        rate = _judge(lane, rate, at)
        lane.minute_at, lane.minute_taken, lane.minute_failed = at, 0, 0
    room = max(0, rate - lane.minute_taken)
    if not room:
        lanes.hold(
            lane.pk, kind="", reason=Reason.RATE, until=lane.minute_at + MINUTE, detail=f"{rate} a minute at present"
        )  # fmt: skip
    return room


def _judge(lane: Lane, rate: int, at: datetime) -> int:
    """The rate after the minute that is over."""
    taken, failed = lane.minute_taken, lane.minute_failed
    if failed * 10 > taken * TOO_MANY_ERRORS:
        rate_now = max(rate * SLOWER // 10, min(policy.count("rate_floor"), rate))
        reason = f"Slower: {failed} of {taken} acts in a minute failed."
    elif 0 < taken < rate / 2:
        rate_now = min(math.ceil(rate * FASTER / 10), policy.count("rate_cap"))
        reason = f"Faster: {taken} of {rate} acts a minute were used, {failed} failed."
    else:
        return rate
    if rate_now != rate:
        lane.rate, lane.rate_reason, lane.rate_changed_at = rate_now, reason, at
    return rate_now


def is_error(outcome: Outcome) -> bool:
    """Whether the network says, by this outcome, that we are too fast for it; a refusal for good says nothing of that."""
    if outcome.answer is Answer.LATER:
        return outcome.reason in (Reason.RETRY, Reason.RATE_LIMITED)
    return outcome.answer is Answer.UNKNOWN


def matters(outcomes: Sequence[Outcome]) -> bool:
    """Whether :func:`count` has anything to count: not when all went well, which is what was taken for granted."""
    kept = policy.count("rate_cap") > 0
    return kept and any(is_error(outcome) or outcome.answer is Answer.NOT_CALLED for outcome in outcomes)


def count(lane: Lane, outcomes: Sequence[Outcome]) -> list[str]:
    """Count the errors of a batch, and give back what was taken and never called; returns the fields to save."""
    if not matters(outcomes):
        return []
    failed = sum(map(is_error, outcomes))
    idle = sum(outcome.answer is Answer.NOT_CALLED for outcome in outcomes)
    lane.minute_failed += failed
    lane.minute_taken = max(0, lane.minute_taken - idle)
    return [*(["minute_failed"] if failed else []), *(["minute_taken"] if idle else [])]
