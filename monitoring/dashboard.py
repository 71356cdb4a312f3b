"""The figures of the admin's front page, in a constant number of queries."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncHour

from accounts.enums import AccountStatus, Health
from accounts.models import Account, Allowance
from automation.browsing.standing import Standing, standing
from automation.enums import CampaignStatus, EnrolmentState, TaskState
from automation.models import Campaign, Conversation, Lane, Task
from monitoring import heartbeats, waiting
from monitoring.checks import overdue
from monitoring.models import Heartbeat, HeartbeatKind
from monitoring.waiting import Waiting
from outreach.lib import queue
from outreach.lib.clock import database_now

HOURS = 24
NEAR = 0.8  # share of a limit from which an account counts as near it
SHOWN = 10


@dataclass(frozen=True, slots=True)
class NearLimit:
    """An account that has used most of what one window allows."""

    account: Account
    kind: str
    used: int
    limit: int
    closes_at: datetime

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1.0


@dataclass(slots=True)
class Funnel:
    """How far the people of one running campaign have come: how many are in each enrolment state."""

    id: int
    name: str
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EnrolmentState.values, 0))

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def reply_rate(self) -> float:
        """Replies per enrolled person, 0 to 1."""
        return self.states[EnrolmentState.REPLIED] / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the front page shows. Times are UTC; ``hours`` are the last 24, the running one last."""

    now: datetime
    running: int
    parked: int
    waiting: list[Waiting]
    ended: dict[str, int]  # tasks by final state in the last 24 hours
    hours: list[datetime]
    completed: list[int]  # per hour
    failed: list[int]  # per hour
    oldest_overdue: timedelta | None
    queued_jobs: int
    accounts: dict[str, int]  # by status, every status named
    unwell: dict[str, int]  # by health, of those in use that are not healthy
    near_limit: list[NearLimit]
    open_breakers: list[Lane]  # at most SHOWN, the longest open first
    campaigns: list[Funnel]
    unread_conversations: int
    unread_messages: int
    alive: list[Heartbeat]
    late: list[Heartbeat]
    browser: Standing

    @property
    def error_rate(self) -> float:
        """Failed tasks per task that completed or failed in the last 24 hours, 0 to 1."""
        failed = self.ended[TaskState.FAILED]
        tried = failed + self.ended[TaskState.COMPLETED]
        return failed / tried if tried else 0.0

    @property
    def waiting_total(self) -> int:
        return sum(row.count for row in self.waiting)

    @property
    def chart(self) -> str:
        """The tasks per hour as the chart component of the admin takes them (JSON)."""
        return json.dumps(
            {
                "labels": [f"{hour:%H:%M}" for hour in self.hours],
                "datasets": [
                    {
                        "label": "Completed",
                        "data": self.completed,
                        "backgroundColor": "var(--color-primary-600)",
                    },
                    {
                        "label": "Failed",
                        "data": self.failed,
                        "backgroundColor": "#ef4444",
                    },
                ],
            }
        )


def figures() -> Dashboard:
    """The state of the installation now, in 14 queries however much there is."""
    now = database_now()
    hours = [_hour(now) - timedelta(hours=back) for back in reversed(range(HOURS))]
    per_hour, ended = _ended(hours[0], now)
    open_tasks = _open_tasks()
    unread = _unread()
    statuses, unwell = _accounts()
    alive, late = _processes(now)
    since = overdue.oldest(now)
    return Dashboard(
        now=now,
        running=open_tasks["running"],
        parked=open_tasks["parked"],
        waiting=waiting.by_reason(),
        ended=ended,
        hours=hours,
        completed=[per_hour[hour, TaskState.COMPLETED] for hour in hours],
        failed=[per_hour[hour, TaskState.FAILED] for hour in hours],
        oldest_overdue=now - since if since else None,
        queued_jobs=queue.backlog(),
        accounts=statuses,
        unwell=unwell,
        near_limit=_near_limit(now),
        open_breakers=_open_breakers(),
        campaigns=_funnels(),
        unread_conversations=unread["conversations"],
        unread_messages=unread["messages"] or 0,
        alive=alive,
        late=late,
        browser=standing(),
    )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _ended(since: datetime, now: datetime) -> tuple[Counter[tuple[datetime, str]], dict[str, int]]:
    """Finished tasks per hour and state since ``since``, and per state in 24 hours (index task_finished)."""
    day_ago = now - timedelta(hours=HOURS)
    rows = (
        Task.objects.finished()
        .filter(finished_at__gte=min(since, day_ago))
        .annotate(hour=TruncHour("finished_at"))
        .values("hour", "state")
        .order_by()
        .annotate(all=Count("pk"), today=Count("pk", filter=Q(finished_at__gte=day_ago)))
    )
    per_hour: Counter[tuple[datetime, str]] = Counter()
    ended = {str(state): 0 for state in (TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED)}
    for row in rows:
        per_hour[row["hour"], row["state"]] += row["all"]
        ended[row["state"]] += row["today"]
    return per_hour, ended


def _open_tasks() -> dict[str, int]:
    """Tasks that run and tasks parked for a person (index task_state)."""
    tasks = Task.objects.filter(state__in=[TaskState.RUNNING, TaskState.UNKNOWN])
    return tasks.aggregate(
        running=Count("pk", filter=Q(state=TaskState.RUNNING)),
        parked=Count("pk", filter=Q(state=TaskState.UNKNOWN, due_at__isnull=True)),
    )


def _accounts() -> tuple[dict[str, int], dict[str, int]]:
    """Accounts by status, and those in use that do not fare well by health. One query."""
    rows = Account.objects.order_by().values_list("status", "health").annotate(Count("pk"))
    statuses: dict[str, int] = dict.fromkeys(AccountStatus.values, 0)
    unwell: Counter[str] = Counter()
    for status, health, count in rows:
        statuses[status] += count
        if health != Health.HEALTHY and status != AccountStatus.DISABLED:
            unwell[health] += count
    return statuses, {health: unwell[health] for health in Health.values if unwell[health]}


def _near_limit(now: datetime) -> list[NearLimit]:
    """The accounts that used most of an open window (index allowance_closes_at)."""
    near = Allowance.objects.filter(
        closes_at__gt=now, owner__startswith="account:", limit__gt=0, used__gte=F("limit") * NEAR
    )
    counters = list(near.order_by(F("used") * 1.0 / F("limit")).reverse()[:SHOWN])
    accounts = Account.objects.in_bulk({_account_id(counter) for counter in counters})
    return [
        NearLimit(
            accounts[_account_id(counter)], counter.kind, counter.used, counter.limit, counter.closes_at
        )
        for counter in counters
        if _account_id(counter) in accounts
    ]


def _account_id(counter: Allowance) -> int:
    return int(counter.owner.removeprefix("account:"))


def _open_breakers() -> list[Lane]:
    opened = Lane.objects.filter(breaker_opened_at__isnull=False)
    return list(opened.select_related("account").order_by("breaker_opened_at")[:SHOWN])


def _funnels() -> list[Funnel]:
    """The newest running campaigns (index enrolment_campaign_state)."""
    newest = Campaign.objects.filter(status=CampaignStatus.RUNNING).order_by("-pk")[:SHOWN]
    rows = (
        Campaign.objects.filter(pk__in=newest.values("pk"))
        .order_by("-pk")
        .values_list("pk", "name", "enrolments__state")
        .annotate(Count("enrolments"))
    )
    funnels: dict[int, Funnel] = {}
    for pk, name, state, count in rows:
        funnel = funnels.setdefault(pk, Funnel(pk, name))
        if state:
            funnel.states[state] = count
    return list(funnels.values())


def _unread() -> dict[str, Any]:
    return Conversation.objects.filter(unread__gt=0).aggregate(
        conversations=Count("pk"), messages=Sum("unread")
    )


def _processes(now: datetime) -> tuple[list[Heartbeat], list[Heartbeat]]:
    """Processes that live, and those (with schedules) that are late."""
    rows = list(
        Heartbeat.objects.filter(
            Q(kind=HeartbeatKind.SCHEDULE) | Q(beat_at__gt=now - heartbeats.FORGET_AFTER)
        )
    )
    late = [row for row in rows if row.kind != HeartbeatKind.DRAIN and heartbeats.is_late(row, now)]
    alive = [row for row in rows if row.kind != HeartbeatKind.SCHEDULE and not heartbeats.is_late(row, now)]
    return alive, late
