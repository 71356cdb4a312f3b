"""What was spent on what: by purpose and day, by the hour, and how calls ended; all from the hourly ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from automation.asking import budget, configuration, ledger
from automation.asking.budget import Standing
from automation.enums import CallState, FailureKind
from automation.llm import purposes
from automation.models import LlmSpend
from automation.models.asking import MICRO
from outreach.lib import clock

DAYS = 7
HOURS = 24


@dataclass
class Purpose:
    """One purpose over the days shown: amounts in the currency, newest day last."""

    name: str
    days: list[float] = field(default_factory=list)
    calls: int = 0
    tokens: int = 0

    @property
    def total(self) -> float:
        return sum(self.days)


@dataclass(frozen=True)
class Spend:
    """Everything the page shows. Amounts in the currency; ``outcomes`` are words and numbers of calls."""

    standing: Standing
    set_up: bool
    spenders: list[tuple[str, float]]
    days: list[date]
    purposes: list[Purpose]
    hours: list[datetime]
    by_hour: list[float]
    answered: int
    cached: int
    written: int
    failures: list[tuple[str, int]]

    @property
    def hit_rate(self) -> float:
        """The share of answers that had been paid for before, from 0 to 1."""
        asked = self.answered + self.cached
        return self.cached / asked if asked else 0.0

    @property
    def limit(self) -> float:
        return self.standing.limit / MICRO

    @property
    def used(self) -> float:
        return self.standing.used / MICRO


def seen() -> Spend:
    """The last seven days and 24 hours (UTC), and the budget now; four queries however many calls there were, one more to say
    who used the budget up.
    """
    held = configuration.current()
    now = clock.database_now()
    days = [now.date() - timedelta(days=back) for back in reversed(range(DAYS))]
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in reversed(range(HOURS))]
    rows = list(LlmSpend.objects.filter(hour__date__gte=days[0]).order_by("purpose", "hour"))
    outcomes: dict[str, int] = defaultdict(int)
    per_hour: dict[datetime, int] = defaultdict(int)
    for row in rows:
        outcomes[row.outcome] += row.calls
        per_hour[row.hour] += row.cost
    standing = budget.standing(held, now)
    spenders = budget.spenders(held, now) if standing.left == 0 else []
    return Spend(
        standing=standing, set_up=configuration.is_set_up(held),
        spenders=[(label(name), amount / MICRO) for name, amount in spenders],
        days=days, purposes=_by_purpose(rows, days), hours=hours, by_hour=[per_hour[at] / MICRO for at in hours],
        answered=outcomes[CallState.ANSWERED], cached=outcomes[ledger.CACHED], written=outcomes[ledger.WRITTEN],
        failures=[(kind.label, outcomes[kind]) for kind in FailureKind if outcomes[kind]],
    )  # fmt: skip


def label(purpose: str) -> str:
    """A purpose's name for people."""
    known = purposes.ALL.get(purpose)
    return known.label if known else purpose


def _by_purpose(rows: list[LlmSpend], days: list[date]) -> list[Purpose]:
    found: dict[str, Purpose] = {}
    for row in rows:
        one = found.setdefault(row.purpose, Purpose(label(row.purpose), [0.0] * len(days)))
        one.calls += row.calls
        one.tokens += row.tokens_in + row.tokens_out
        one.days[days.index(row.hour.date())] += row.cost / MICRO
    return sorted(found.values(), key=lambda one: -one.total)
