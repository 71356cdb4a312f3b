"""Why something on the frontier waits, or how it ended, for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from accounts.enums import WORKING_STATUSES
from automation.discovery import budgets
from automation.enums import LookState
from automation.models import DiscoveryPlan, FrontierEntry
from outreach.lib import clock


@dataclass(frozen=True, slots=True)
class Why:
    """A sentence, and when it may go on; ``None`` when no time is known."""

    text: str
    next_at: datetime | None = None


def explain(entries: Iterable[FrontierEntry]) -> dict[int, Why]:
    """The reason of each entry, read with its account, by key: two queries."""
    plans = {plan.network: plan for plan in DiscoveryPlan.objects.all()}
    now = clock.database_now()
    return {entry.pk: _why(entry, plans.get(entry.network), now) for entry in entries}


def _why(entry: FrontierEntry, plan: DiscoveryPlan | None, now: datetime) -> Why:
    if entry.state == LookState.WAITING:
        return _waits(entry, plan, now)
    if entry.state == LookState.QUEUED:
        return Why(
            f"Its task stands on the lane of {entry.account.handle if entry.account else 'an account'}"
        )
    return Why("Answered by what was seen within the hour" if entry.from_cache else entry.detail)


def _waits(entry: FrontierEntry, plan: DiscoveryPlan | None, now: datetime) -> Why:
    if entry.due_at > now:
        return Why("Waits for its time", entry.due_at)
    if entry.account is not None and entry.account.status not in WORKING_STATUSES:
        return Why(f"{entry.account.handle} does not work at the moment")
    if plan is not None and not budgets.room(plan, entry.priority, now.date()):
        tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
        return Why(f"Today's {plan.daily_looks:,} looks on {entry.network} are used up", tomorrow)
    return Why("Others come first", None)
