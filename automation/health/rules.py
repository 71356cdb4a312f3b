"""From a reading to a health. Worse counts at once; better takes time and more than the worse asked for, so that
nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.enums import Health
from automation.health.reading import LAST, Reading

ENOUGH = 10  # tasks below which shares mean nothing
ENOUGH_TO_REST = 20
STAY = timedelta(minutes=30)  # at least so long before it counts as better
STAY_UNTRIED = timedelta(hours=6)  # the same for an account that does too little to tell
REST = timedelta(hours=6)  # of a quarantined account, before it is tried again
LONG_WAIT = timedelta(minutes=15)  # a network that asks for more than this slows the account down
LEVELS = list(Health)  # from good to bad


@dataclass(frozen=True, slots=True)
class Bound:
    """From which shares of the tasks that count (0 to 1) a health is reached, and below which it is left again."""

    refused: float
    troubled: float  # refused ones included
    leave_refused: float
    leave_troubled: float


# Above 10 % of errors the rate falls as well (engine.rates). Trouble without a no, however much, is an outage: it slows an
# account down and never takes it out.
BOUNDS = {
    Health.WATCH: Bound(0.10, 0.10, 0.05, 0.05),
    Health.THROTTLED: Bound(0.25, 0.50, 0.15, 0.30),
    Health.QUARANTINED: Bound(0.50, 2.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A health and the sentence that says why."""

    health: Health
    reason: str


def judge(now_is: Health, since: datetime | None, reading: Reading, at: datetime) -> Verdict:
    """What an account with this ``reading`` is that has been ``now_is`` since ``since``.

    A quarantined one stays so: it rests, and leaves by :func:`rested`.
    """
    reached = _reached(reading, at)
    if now_is == Health.QUARANTINED or LEVELS.index(reached) > LEVELS.index(now_is):
        worse = reached if now_is != Health.QUARANTINED else now_is
        return Verdict(worse, _sentence(reading, at))
    if now_is == Health.HEALTHY:
        return Verdict(now_is, "")
    if not _may_leave(now_is, since, reading, at):
        return Verdict(now_is, _sentence(reading, at))
    better = LEVELS[LEVELS.index(now_is) - 1]
    return Verdict(better, "" if better == Health.HEALTHY else _sentence(reading, at))


def rested(since: datetime | None, at: datetime) -> bool:
    """Whether a quarantined account has rested long enough to be tried again."""
    return since is None or at - since >= REST


def _reached(reading: Reading, at: datetime) -> Health:
    reached = Health.HEALTHY
    if reading.slowed_until and reading.slowed_until > at + LONG_WAIT:
        reached = Health.THROTTLED
    for health, bound in BOUNDS.items():
        enough = ENOUGH_TO_REST if health == Health.QUARANTINED else ENOUGH
        refused, troubled = _shares(reading)
        if reading.counted >= enough and (refused >= bound.refused or troubled >= bound.troubled):
            reached = max(reached, health, key=LEVELS.index)
    return reached


def _may_leave(now_is: Health, since: datetime | None, reading: Reading, at: datetime) -> bool:
    if reading.slowed_until and reading.slowed_until > at + LONG_WAIT:
        return False
    stayed = timedelta.max if since is None else at - since
    refused, troubled = _shares(reading)
    if reading.counted < ENOUGH:
        return stayed >= STAY_UNTRIED and not troubled
    bound = BOUNDS[now_is]
    return stayed >= STAY and refused < bound.leave_refused and troubled < bound.leave_troubled


def _shares(reading: Reading) -> tuple[float, float]:
    if not reading.counted:
        return 0.0, 0.0
    return reading.refused / reading.counted, (reading.refused + reading.troubled) / reading.counted


def _sentence(reading: Reading, at: datetime) -> str:
    parts = []
    if reading.refused:
        parts.append(f"{reading.refused} were refused by the network")
    if reading.troubled:
        parts.append(f"{reading.troubled} were done only after trouble, or not at all")
    said = f"Of the last {reading.counted} tasks {' and '.join(parts)}." if parts else ""
    if reading.slowed_until and reading.slowed_until > at:
        said += f" The network asked to wait until {reading.slowed_until:%Y-%m-%d %H:%M} UTC."
    full = "" if reading.counted >= LAST else " Too few tasks to say more."
    return said.strip() or f"The last {reading.counted} tasks went well.{full}"
