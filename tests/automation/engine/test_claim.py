"""What may run, in which order, and what everything else waits for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.enums import ActionKind
from accounts.models import Account, Allowance
from accounts.services import set_limit
from automation import queries
from automation.channels.sandbox.control import Control
from automation.engine import lanes, runner, start, tasks
from automation.engine.claim import claim
from automation.engine.shapes import Answer
from automation.engine.tasks import NewTask
from automation.enums import CampaignStatus, Priority, Reason, TaskState
from automation.models import Attempt, Hold, Lane, Task
from leads import consent
from leads.models import Profile
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, used
from tests.factories import make_campaign

pytestmark = pytest.mark.django_db(transaction=True)
CLAIM_STATEMENTS = 14
SETTLE_STATEMENTS = 5
Somebody = Callable[..., Profile]
Ours = Callable[..., Account]


def claimed_ids(lane: Lane, batch: int = 50) -> list[int]:
    """What one claim takes, in its order."""
    mine = lease(lane)
    return [one.task_id for one in claim(mine, runner.open_channel(mine), batch=batch).claims]


def waits_for(task: Task) -> queries.Waiting:
    return queries.waiting(refreshed(task))


@pytest.mark.parametrize("proves", [True, False])
def test_claim_waits_for_the_disk_only_when_it_starts_its_attempts(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch, proves: bool
) -> None:
    def look(point: str) -> None:
        if point == "in_claim":
            with connection.cursor() as cursor:
                cursor.execute("SHOW synchronous_commit")
                seen.append(cursor.fetchone()[0])

    seen: list[str] = []
    add_dm(account, somebody())
    monkeypatch.setattr("automation.engine.failpoints.reach", look)
    mine = lease(Lane.objects.get())
    channel = runner.open_channel(mine)
    monkeypatch.setattr(type(channel), "proves", proves)
    assert len(claim(mine, channel, batch=1).claims) == 1
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert [*seen, cursor.fetchone()[0]] == ["on" if proves else "off", "on"]


def test_attempt_whose_number_belongs_to_another_task_does_not_start(
    account: Account, somebody: Somebody
) -> None:
    task, other = add_dm(account, somebody()), add_dm(account, somebody())
    mine = lease(Lane.objects.get())
    channel = runner.open_channel(mine)
    channel.proves = False  # type: ignore[misc]
    first, second = claim(mine, channel, batch=2).claims
    assert {first.task_id, second.task_id} == {task.pk, other.pk}
    first.attempt_id = second.attempt_id
    assert not start.begin(first, seconds=5)
    assert start.begin(second, seconds=5)


def test_adding_twice_by_one_key_is_one_task(account: Account, somebody: Somebody) -> None:
    new = NewTask(account_id=account.pk, kind=ActionKind.DM, dedupe_key="once", profile=somebody())
    assert tasks.add(new) == tasks.add(new)
    assert Task.objects.filter(dedupe_key="once").count() == 1


def test_claim_takes_by_priority_and_then_by_due_time(account: Account, somebody: Somebody) -> None:
    now = timezone.now()
    given = [
        (Priority.LOW, 50),
        (Priority.NORMAL, 10),
        (Priority.NORMAL, 30),
        (Priority.CRITICAL, 1),
        (Priority.HIGH, 5),
    ]
    made = {
        (priority, age): add_dm(
            account, somebody(), priority=priority, due_at=now - timedelta(seconds=age)
        ).pk
        for priority, age in given
    }
    wanted = sorted(given, key=lambda one: (one[0], -one[1]))
    assert claimed_ids(account.lane) == [made[one] for one in wanted]


def test_claim_takes_nothing_before_its_time(account: Account, somebody: Somebody) -> None:
    later = add_dm(account, somebody(), due_at=timezone.now() + timedelta(hours=1))
    now = add_dm(account, somebody())
    assert claimed_ids(account.lane) == [now.pk]
    assert waits_for(later).reason == Reason.SCHEDULED
    assert waits_for(later).next_at == later.due_at


def test_a_held_kind_waits_and_others_go_on(account: Account, somebody: Somebody, control: Control) -> None:
    until = timezone.now() + timedelta(hours=1)
    held = add_dm(account, somebody())
    free = add_dm(account, somebody(), kind=ActionKind.FOLLOW)
    lanes.hold(account.pk, kind=ActionKind.DM, reason=Reason.LIMIT, until=until, detail="5 of 5")
    run_lanes()
    assert refreshed(free).state == TaskState.COMPLETED
    assert refreshed(held).state == TaskState.PENDING
    assert waits_for(held) == queries.Waiting(Reason.LIMIT, "A limit is reached", "5 of 5", until)
    assert arrived(control, held) == []


def test_a_paused_account_acts_no_more_but_is_verified(
    account: Account, somebody: Somebody, control: Control
) -> None:
    message = add_dm(account, somebody())
    verify = tasks.add(NewTask(account_id=account.pk, kind=ActionKind.VERIFY, dedupe_key="v"))
    accounts.pause(account=account, by="test", reason="Holiday")
    run_lanes()
    assert refreshed(verify).state == TaskState.COMPLETED
    assert waits_for(message) == queries.Waiting(
        Reason.ACCOUNT_NOT_WORKING, "The account is not active", "Holiday", None
    )
    accounts.resume(account=account, by="test")
    run_lanes()
    assert len(arrived(control, message)) == 1


def test_outside_the_sending_window_only_acts_upon_people_wait(
    ours: Ours, somebody: Somebody, control: Control
) -> None:
    local = timezone.now()
    opens, closes = (local + timedelta(hours=2)).time(), (local + timedelta(hours=3)).time()
    account = ours(window_opens=opens, window_closes=closes)
    message = add_dm(account, somebody())
    post = tasks.add(NewTask(account.pk, ActionKind.POST, "post-in-window", payload={"text": "Window post"}))
    run_lanes()
    assert refreshed(post).state == TaskState.COMPLETED
    waiting = waits_for(message)
    assert waiting.reason == Reason.OUTSIDE_WINDOW
    assert waiting.next_at is not None
    assert waiting.next_at.time().replace(microsecond=0) == opens.replace(microsecond=0)
    assert arrived(control, message) == []


def test_tasks_of_a_paused_campaign_are_shelved(account: Account, somebody: Somebody) -> None:
    campaign = make_campaign(status=CampaignStatus.PAUSED)
    task = add_dm(account, somebody(), campaign_id=campaign.pk)
    run_lanes()
    waiting = waits_for(task)
    assert (waiting.reason, waiting.next_at) == (Reason.CAMPAIGN_NOT_RUNNING, None)


@pytest.mark.parametrize("status", [CampaignStatus.CANCELLED, CampaignStatus.COMPLETED])
def test_tasks_of_an_ended_campaign_are_cancelled(account: Account, somebody: Somebody, status: str) -> None:
    task = add_dm(account, somebody(), campaign_id=make_campaign(status=status).pk)
    run_lanes()
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.CANCELLED, Reason.CAMPAIGN_ENDED)


def test_a_suppressed_person_gets_nothing_that_was_queued_before_or_after(
    account: Account, somebody: Somebody, control: Control
) -> None:
    profile = somebody()
    before = add_dm(account, profile)
    consent.suppress_person(person_id=profile.person_id, by="test")
    after = add_dm(account, profile)
    run_lanes()
    for task in (before, after):
        assert (refreshed(task).state, refreshed(task).reason) == (TaskState.CANCELLED, Reason.SUPPRESSED)
    assert arrived(control, before, after) == []


def test_the_sending_gap_keeps_acts_upon_people_apart(
    ours: Ours, somebody: Somebody, control: Control
) -> None:
    account = ours(sending_gap=0.6)
    sent = [add_dm(account, somebody()) for _ in range(3)]
    post = tasks.add(NewTask(account.pk, ActionKind.POST, "post-in-gap", payload={"text": "Gap post"}))
    run_lanes()
    assert refreshed(post).state == TaskState.COMPLETED
    left = [task for task in sent if refreshed(task).state == TaskState.PENDING]
    assert len(left) == 2
    assert {waits_for(task).reason for task in left} == {Reason.SENDING_GAP}
    run_lanes(within=3.0)
    assert len(arrived(control, *sent)) == 3
    # By the database's clock: what arrives at the network is late by whatever else the machine does.
    times = Attempt.objects.filter(task__in=sent).order_by("started_at").values_list("started_at", flat=True)
    assert all(later - earlier > timedelta(seconds=0.3) for earlier, later in itertools.pairwise(times))


def test_a_reached_limit_is_one_hold_that_lifts_when_the_limit_is_raised(
    account: Account, somebody: Somebody, control: Control
) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=2, by="test")
    sent = [add_dm(account, somebody()) for _ in range(5)]
    run_lanes()
    assert len(arrived(control, *sent)) == 2
    (hold,) = Hold.objects.filter(lane=account.lane)
    assert (hold.kind, hold.reason, hold.detail) == (
        ActionKind.DM,
        Reason.LIMIT,
        "2 of 2 a day used (account)",
    )
    waiting = [waits_for(task) for task in sent if refreshed(task).state == TaskState.PENDING]
    assert [(one.reason, one.next_at) for one in waiting] == [(Reason.LIMIT, hold.until)] * 3
    set_limit(account=account, kind=ActionKind.DM, limit=4, by="test")
    run_lanes()
    assert len(arrived(control, *sent)) == 4
    assert used(account) == 4


def test_a_campaigns_cap_pushes_only_its_own_tasks(
    account: Account, somebody: Somebody, control: Control
) -> None:
    capped = make_campaign(status=CampaignStatus.RUNNING, daily_limit=1)
    free = make_campaign(status=CampaignStatus.RUNNING)
    first = [add_dm(account, somebody(), campaign_id=capped.pk) for _ in range(3)]
    second = [add_dm(account, somebody(), campaign_id=free.pk) for _ in range(3)]
    run_lanes()
    assert (len(arrived(control, *first)), len(arrived(control, *second))) == (1, 3)
    waiting = [waits_for(task) for task in first if refreshed(task).state == TaskState.PENDING]
    assert [one.reason for one in waiting] == [Reason.CAMPAIGN_LIMIT] * 2
    assert waiting[0].detail == "1 of 1 a day used (campaign)"
    assert not Hold.objects.filter(lane=account.lane).exists()


def test_of_several_limits_all_are_taken_or_none(account: Account, somebody: Somebody) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=10, by="test")
    set_limit(account=account, kind=ActionKind.DM, limit=2, window="hour", by="test")
    campaign = make_campaign(status=CampaignStatus.RUNNING, daily_limit=5)
    for _ in range(4):
        add_dm(account, somebody(), campaign_id=campaign.pk)
    run_lanes()
    rows = dict(Allowance.objects.filter(kind=ActionKind.DM).values_list("limit", "used"))
    assert rows == {10: 2, 2: 2, 5: 2}


@pytest.mark.parametrize("number", [1, 50])
def test_claim_and_settle_cost_a_constant_number_of_statements(
    account: Account, somebody: Somebody, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.engine.runner.BATCH_SECONDS", 60.0)  # a busy machine calls no less
    set_limit(account=account, kind=ActionKind.FOLLOW, limit=100, by="test")
    for _ in range(number):
        add_dm(account, somebody(), kind=ActionKind.FOLLOW)
    mine = lease(account.lane)
    channel = runner.open_channel(mine)
    with CaptureQueriesContext(connection) as claiming:
        claims = claim(mine, channel, batch=50).claims
    results = runner.call_batch(channel, claims, time.monotonic())
    with CaptureQueriesContext(connection) as settling:
        runner.settle(mine, results)
    assert [one.answer for one in results] == [Answer.DONE] * number
    assert len(claiming) <= CLAIM_STATEMENTS
    assert len(settling) <= SETTLE_STATEMENTS
