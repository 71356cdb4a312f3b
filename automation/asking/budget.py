"""How much of the budget is left, and what follows from it: never a dead stop, only a cheaper way to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from automation.asking import configuration
from automation.enums import BudgetWindow, ModelSize
from automation.models import LlmBudget, LlmSettings, LlmSpend
from automation.models.asking import MICRO
from outreach.lib import clock


@dataclass(frozen=True, slots=True)
class Tier:
    """What holds while more than ``above`` of the budget is left.

    ``posts`` are drafted in one run, and runs are ``hours`` apart. ``size`` is the best model that is asked.
    """

    name: str
    above: float
    size: ModelSize
    posts: int
    hours: int

    @property
    def words(self) -> str:
        """What it means, for people."""
        model = "the good model" if self.size == ModelSize.GOOD else "the small model for everything"
        drafts = f"{self.posts} post{'s' if self.posts > 1 else ''} a run"
        return f"{model}, {drafts}, every {self.hours} hours"


TIERS = (
    Tier("plenty", 0.8, ModelSize.GOOD, posts=2, hours=2),
    Tier("enough", 0.5, ModelSize.GOOD, posts=1, hours=2),
    Tier("tight", 0.2, ModelSize.SMALL, posts=1, hours=4),
    Tier("last", -1.0, ModelSize.SMALL, posts=1, hours=6),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The budget now. Amounts in millionths; ``used`` holds what is reserved as well."""

    window_key: str
    limit: int
    used: int
    tier: Tier

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def share_left(self) -> float:
        """From 0 to 1; a budget of nothing has nothing left."""
        return self.left / self.limit if self.limit else 0.0

    @property
    def why(self) -> str:
        """Why this tier, for people."""
        return f"{self.share_left:.0%} of the budget of {self.window_key} is left"


def limit_of(held: LlmSettings) -> int:
    """The budget in millionths."""
    return int(held.budget * MICRO)


def window_key(held: LlmSettings, at: datetime) -> str:
    """Which window of the budget an instant falls into, in UTC."""
    return f"{at:%Y-%m-%d}" if held.budget_window == BudgetWindow.DAY else f"{at:%Y-%m}"


def tier_at(share_left: float) -> Tier:
    """The tier of what is left, from 0 to 1. A bound itself belongs to the tier below it."""
    return next(tier for tier in TIERS if share_left > tier.above)


def standing(held: LlmSettings | None = None, at: datetime | None = None) -> Standing:
    """How the budget stands now, or in the window of the instant ``at``."""
    held = held or configuration.current()
    key = window_key(held, at or clock.database_now())
    used = LlmBudget.objects.filter(window_key=key).values_list("used", flat=True).first() or 0
    limit = limit_of(held)
    share = max(0, limit - used) / limit if limit else 0.0
    return Standing(key, limit, used, tier_at(share))


def spenders(held: LlmSettings, at: datetime) -> list[tuple[str, int]]:
    """Who spent the budget of the window ``at`` falls into, the most first: purposes and millionths."""
    start = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if held.budget_window == BudgetWindow.MONTH:
        start = start.replace(day=1)
    rows = (
        LlmSpend.objects.filter(hour__gte=start)
        .values("purpose")
        .annotate(total=Sum("cost"))
        .order_by("-total")
    )
    return [(row["purpose"], row["total"]) for row in rows if row["total"]]
