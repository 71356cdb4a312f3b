"""What follows from an account's last tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.enums import AccountStatus, Health
from accounts.models import Account
from automation.engine import outcomes
from automation.enums import Reason, TaskState
from automation.health import reading, rules, services
from automation.models import Hold, Lane, Task
from monitoring.models import Alert
from tests.factories import make_account, make_lane, make_task

pytestmark = pytest.mark.django_db


def did(
    account: Account, *, done: int = 0, refused: int = 0, exhausted: int = 0, at: datetime | None = None
) -> None:
    """Give the account tasks that ended so, the newest last."""
    lane = make_lane(account)
    kinds: Sequence[tuple[int, dict[str, Any]]] = (
        (done, {"state": TaskState.COMPLETED}), (refused, {"state": TaskState.FAILED, "reason": Reason.REFUSED}),
        (exhausted, {"state": TaskState.FAILED, "reason": Reason.EXHAUSTED}),
    )  # fmt: skip
    for count, fields in kinds:
        for _ in range(count):
            make_task(lane, due_at=None, **fields, finished_at=at or timezone.now())


def open_alerts() -> list[str]:
    return list(Alert.objects.filter(resolved_at__isnull=True).values_list("key", flat=True))


def rest(account: Account, since: timedelta) -> None:
    Account.objects.filter(pk=account.pk).update(health_changed_at=timezone.now() - since)


def test_reading_counts_the_newest_fifty_that_ended() -> None:
    account = make_account()
    did(account, refused=40, at=timezone.now() - timedelta(days=1))
    did(account, done=30, exhausted=15)
    make_task(make_lane(account))  # waits: not counted
    make_task(
        make_lane(account), state=TaskState.FAILED, reason=Reason.NOT_FOUND, due_at=None
    )  # says nothing

    assert reading.read([account.pk])[account.pk] == reading.Reading(counted=49, refused=4, troubled=15)


def test_reading_is_one_query_for_any_number_of_accounts() -> None:
    chosen = [make_account() for _ in range(20)]
    for account in chosen:
        did(account, done=3, refused=1)
    with CaptureQueriesContext(connection) as queries:
        found = reading.read([account.pk for account in chosen])
    assert len(queries) == 1
    assert {one.counted for one in found.values()} == {4}


def test_reading_comes_from_its_index() -> None:
    account = make_account()
    lane = make_lane(account)
    now = timezone.now()
    waiting = [Task(lane=lane, kind="dm", due_at=now, dedupe_key=f"wait-{n}") for n in range(3000)]
    ended = [
        Task(lane=lane, kind="dm", state=TaskState.COMPLETED, dedupe_key=f"done-{n}", finished_at=now - timedelta(seconds=n))
        for n in range(3000)
    ]  # fmt: skip
    Task.objects.bulk_create([*ended, *waiting])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE automation_task")
        cursor.execute("ANALYZE accounts_account")
    plan = reading.plan([account.pk])
    assert "Index Scan using task_lane_finished on automation_task" in plan, plan
    assert "Sort" not in plan.partition("Limit")[2].partition("Hold")[0], plan


def test_settling_healthy_accounts_costs_the_same_for_twenty_as_for_two() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert services.settle() == 0
        return len(seen)

    for _ in range(2):
        did(make_account(), done=12)
    few = queries()
    for _ in range(18):
        did(make_account(), done=12)
    assert queries() == few <= 4


def test_worse_is_told_once_and_better_resolves_it() -> None:
    account = make_account()
    did(account, done=40, refused=6)
    assert services.settle() == 1
    assert services.settle() == 0
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.WATCH, AccountStatus.ACTIVE)
    assert "6 were refused" in account.health_reason
    assert open_alerts() == [f"health:watch:{account.pk}"]

    did(account, done=50, at=timezone.now() + timedelta(seconds=1))
    assert services.settle() == 0  # not that soon
    rest(account, rules.STAY)
    assert services.settle() == 1
    account.refresh_from_db()
    assert (account.health, account.health_reason) == (Health.HEALTHY, "")
    assert open_alerts() == []
    assert Alert.objects.count() == 1


def test_throttled_goes_at_the_slowest_rate(settings: Any) -> None:
    settings.ENGINE = {**settings.ENGINE, "rate_cap": 500, "rate_floor": 10}
    account = make_account()
    did(account, done=35, refused=15)
    services.settle()
    assert Account.objects.get().health == Health.THROTTLED
    lane = Lane.objects.get()
    assert (lane.rate, lane.rate_reason[:10]) == (10, "Throttled:")


def test_quarantine_stops_the_account_and_heals_by_itself() -> None:
    account = make_account()
    did(account, done=10, refused=30)
    services.settle()
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.QUARANTINED, AccountStatus.LIMITED)
    assert Hold.objects.get(kind="").reason == Reason.ACCOUNT_NOT_WORKING
    assert open_alerts() == [f"health:quarantined:{account.pk}"]
    assert services.settle() == 0

    rest(account, rules.REST)
    assert services.settle() == 1
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.THROTTLED, AccountStatus.ACTIVE)
    assert not Hold.objects.exists()
    assert services.settle() == 0, "what put it there no longer counts"
    assert open_alerts() == [f"health:throttled:{account.pk}"]


def test_quarantine_comes_back_when_the_trial_fails() -> None:
    account = make_account()
    did(account, refused=30)
    services.settle()
    rest(account, rules.REST)
    services.settle()
    did(account, refused=25, at=timezone.now() + timedelta(seconds=5))
    services.settle()
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.QUARANTINED, AccountStatus.LIMITED)


def test_a_persons_pause_is_never_undone() -> None:
    account = make_account()
    did(account, refused=30)
    services.settle()
    accounts.pause(account=account, by="ann")
    rest(account, rules.REST * 2)
    services.settle()
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.QUARANTINED, AccountStatus.PAUSED)


def test_a_person_may_end_a_quarantine() -> None:
    account = make_account()
    did(account, refused=30)
    services.settle()
    accounts.resume(account=account, by="ann")
    assert services.settle() == 0
    account.refresh_from_db()
    assert (account.health, account.status) == (Health.THROTTLED, AccountStatus.ACTIVE)


def test_a_failure_is_looked_at_at_once() -> None:
    account = make_account()
    did(account, refused=24, done=1)
    task = make_task(make_lane(account), state=TaskState.RUNNING)
    outcomes._fail([task.pk], Reason.REFUSED, "No")
    account.refresh_from_db()
    assert account.status == AccountStatus.LIMITED


def test_a_failure_that_is_not_the_accounts_asks_nothing() -> None:
    task = make_task(state=TaskState.RUNNING)
    did(task.lane.account, refused=30)
    outcomes._fail([task.pk], Reason.NOT_FOUND, "Gone")
    assert Account.objects.get().health == Health.HEALTHY


def test_disabling_ends_the_alert() -> None:
    account = make_account()
    did(account, done=40, refused=6)
    services.settle()
    accounts.disable(account=account, by="ann")
    assert open_alerts() == []
