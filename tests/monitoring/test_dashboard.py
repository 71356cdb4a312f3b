import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind, Health
from accounts.models import Allowance
from automation.enums import CampaignStatus, EnrolmentState, Reason, TaskState
from automation.models import Hold
from monitoring import dashboard, heartbeats, waiting
from monitoring.models import Heartbeat
from tests.factories import (
    make_account,
    make_campaign,
    make_conversation,
    make_enrolment,
    make_lane,
    make_task,
)

pytestmark = pytest.mark.django_db
QUERIES = 14


def ago(**parts: float):
    return timezone.now() - timedelta(**parts)


def fill() -> None:
    """A bit of everything."""
    lane = make_lane(next_at=ago(seconds=30), breaker_opened_at=ago(minutes=3))
    for state in (TaskState.COMPLETED, TaskState.FAILED, TaskState.RUNNING, TaskState.PENDING):
        make_task(lane, state=state)
    make_task(lane, state=TaskState.UNKNOWN, due_at=None)
    Hold.objects.create(lane=lane, reason=Reason.BREAKER_OPEN, until=ago(minutes=-1))
    Allowance.objects.create(
        owner=f"account:{lane.pk}", kind=ActionKind.DM, window="day", window_key="2026-01-01",
        closes_at=ago(hours=-1), limit=10, used=9,
    )  # fmt: skip
    campaign = make_campaign(status=CampaignStatus.RUNNING)
    make_enrolment(campaign, state=EnrolmentState.ACTIVE)
    make_conversation(lane.account, unread=2)
    heartbeats.beat(f"cluster@a:{lane.pk}", "cluster")


def test_figures_take_the_same_queries_with_more_of_everything(django_assert_num_queries):
    fill()
    with django_assert_num_queries(QUERIES):
        dashboard.figures()
    for _ in range(15):
        fill()
    with django_assert_num_queries(QUERIES):
        figures = dashboard.figures()
    assert QUERIES <= 15
    assert (figures.running, figures.parked, figures.unread_conversations, figures.unread_messages) == (
        16,
        16,
        16,
        32,
    )
    assert len(figures.open_breakers) == dashboard.SHOWN
    assert len(figures.campaigns) == dashboard.SHOWN


def test_figures_of_an_empty_installation():
    figures = dashboard.figures()
    assert (figures.running, figures.waiting, figures.error_rate, figures.oldest_overdue) == (
        0,
        [],
        0.0,
        None,
    )
    assert figures.accounts == dict.fromkeys(AccountStatus.values, 0)
    assert figures.unwell == {}
    assert figures.completed == [0] * 24


def test_ended_tasks_count_by_state_and_by_hour():
    lane = make_lane()
    for _ in range(3):
        make_task(lane, state=TaskState.COMPLETED)
    make_task(lane, state=TaskState.FAILED)
    make_task(lane, state=TaskState.COMPLETED, finished_at=ago(hours=3))
    make_task(lane, state=TaskState.COMPLETED, finished_at=ago(hours=30))
    figures = dashboard.figures()
    assert figures.ended == {"completed": 4, "failed": 1, "cancelled": 0}
    assert figures.error_rate == 0.2
    assert sum(figures.completed) == 4
    assert figures.completed[-4] == 1
    assert figures.hours[-1] == figures.now.replace(minute=0, second=0, microsecond=0)
    chart = json.loads(figures.chart)
    assert len(chart["labels"]) == 24
    assert chart["datasets"][0]["data"] == figures.completed


def test_waiting_is_counted_by_the_reason_that_applies():
    later = ago(hours=-2)
    limited, paced, free = (
        make_lane(),
        make_lane(people_until=later, people_reason=Reason.SENDING_GAP),
        make_lane(),
    )
    Hold.objects.create(lane=limited, kind=ActionKind.DM, reason=Reason.LIMIT, until=later)
    Hold.objects.create(
        lane=limited, kind=ActionKind.FOLLOW, reason=Reason.RATE_LIMITED, until=ago(hours=1)
    )  # over
    for _ in range(3):
        make_task(limited, kind=ActionKind.DM)
    make_task(limited, kind=ActionKind.FOLLOW)
    make_task(paced, kind=ActionKind.DM)
    make_task(paced, kind=ActionKind.FETCH_PROFILE)
    make_task(free, due_at=later)
    make_task(free, due_at=later, reason=Reason.RETRY)
    make_task(free, due_at=None, reason=Reason.REVIEW)
    make_task(free, state=TaskState.COMPLETED)
    rows = {row.reason: row for row in waiting.by_reason()}
    assert {reason: row.count for reason, row in rows.items()} == {
        Reason.LIMIT: 3, Reason.READY: 2, Reason.SENDING_GAP: 1, Reason.SCHEDULED: 1, Reason.RETRY: 1, Reason.REVIEW: 1,
    }  # fmt: skip
    assert rows[Reason.LIMIT].next_at == later
    assert rows[Reason.SENDING_GAP].next_at == later
    assert rows[Reason.REVIEW].next_at is None
    assert rows[Reason.LIMIT].label == "A limit is reached"
    assert waiting.by_reason()[0].reason == Reason.LIMIT


def test_hold_on_the_whole_lane_covers_every_kind():
    lane = make_lane(people_until=ago(hours=-1), people_reason=Reason.SENDING_GAP)
    Hold.objects.create(lane=lane, reason=Reason.ACCOUNT_NOT_WORKING)
    make_task(lane, kind=ActionKind.DM)
    make_task(lane, kind=ActionKind.FETCH_INBOX)
    (row,) = waiting.by_reason()
    assert (row.reason, row.count) == (Reason.ACCOUNT_NOT_WORKING, 2)


def test_near_limit_names_open_windows_used_to_four_fifths():
    lane = make_lane()
    for key, used, limit, hours in (("a", 8, 10, -1), ("b", 7, 10, -1), ("c", 10, 10, 1), ("d", 10, 10, -1)):
        Allowance.objects.create(
            owner=f"account:{lane.pk}", kind=ActionKind.DM, window="day", window_key=key,
            closes_at=ago(hours=hours), limit=limit, used=used,
        )  # fmt: skip
    Allowance.objects.create(
        owner="campaign:1",
        kind=ActionKind.DM,
        window="day",
        window_key="a",
        closes_at=ago(hours=-1),
        limit=1,
        used=1,
    )
    assert [(row.account, row.used, row.share) for row in dashboard.figures().near_limit] == [
        (lane.account, 10, 1.0),
        (lane.account, 8, 0.8),
    ]


def test_funnel_counts_people_of_running_campaigns():
    running, empty = (
        make_campaign(status=CampaignStatus.RUNNING),
        make_campaign(status=CampaignStatus.RUNNING),
    )
    draft = make_campaign()
    for state in (EnrolmentState.ACTIVE, EnrolmentState.ACTIVE, EnrolmentState.REPLIED, EnrolmentState.DONE):
        make_enrolment(running, state=state)
    make_enrolment(draft)
    newest, older = dashboard.figures().campaigns
    assert (newest.id, newest.total, newest.reply_rate) == (empty.pk, 0, 0.0)
    assert (older.id, older.total, older.reply_rate) == (running.pk, 4, 0.25)
    assert older.states[EnrolmentState.ACTIVE] == 2


def test_processes_are_alive_or_late():
    heartbeats.beat("cluster@a:1", "cluster")
    heartbeats.beat("web@a:2", "web")
    heartbeats.beat("drain@a:3", "drain")
    Heartbeat.objects.exclude(kind="cluster").update(beat_at=ago(minutes=3))
    figures = dashboard.figures()
    assert [row.name for row in figures.alive] == ["cluster@a:1"]
    assert [row.name for row in figures.late] == ["web@a:2"]


def test_oldest_overdue_and_accounts():
    make_task(make_lane(next_at=ago(seconds=90)), due_at=ago(seconds=90))
    make_account(status=AccountStatus.PAUSED, health=Health.WATCH)
    make_account(status=AccountStatus.DISABLED, health=Health.QUARANTINED)
    figures = dashboard.figures()
    assert timedelta(seconds=89) < figures.oldest_overdue < timedelta(seconds=95)
    assert (figures.accounts["active"], figures.accounts["paused"]) == (1, 1)
    assert figures.unwell == {Health.WATCH: 1}
