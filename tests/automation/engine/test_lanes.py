"""Leases, wakes and the breaker: one runner a lane, nobody starved, nothing forgotten."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts import services as accounts
from accounts.enums import ActionKind
from accounts.models import Account
from automation import recovery
from automation.channels.sandbox.control import Control
from automation.engine import dispatcher, drain, lanes, runner, tasks
from automation.engine.claim import claim
from automation.engine.lanes import LeaseLost
from automation.engine.tasks import NewTask
from automation.enums import Priority, Reason, TaskState
from automation.models import Drain, Hold, Lane, Task
from leads.models import Profile
from outreach.lib import clock, queue
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, run_once
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
Ours = Callable[..., Account]


def due_lane(network: str = "sandbox", *, priority: int = Priority.NORMAL, age: float = 1.0) -> Lane:
    next_at = clock.database_now() - timedelta(seconds=age)
    return make_lane(make_account(network=network), priority=priority, next_at=next_at)


def leased(*, places: int = 8, per_network: int = 8, **busy: int) -> list[int]:
    return [
        one.lane_id for one in lanes.lease(owner="test", places=places, per_network=per_network, busy=busy)
    ]


# --- Leases ------------------------------------------------------------------------------------------------
def test_a_lane_has_one_runner_until_its_lease_ends() -> None:
    lane = due_lane()
    assert leased() == [lane.pk]
    assert leased() == []
    Lane.objects.filter(pk=lane.pk).update(lease_until=clock.database_now() - timedelta(seconds=1))
    assert leased() == [lane.pk]


def test_the_most_urgent_lanes_are_leased_first() -> None:
    normal = due_lane(age=50)
    critical = due_lane(priority=Priority.CRITICAL)
    high = due_lane(priority=Priority.HIGH)
    assert set(leased(places=2)) == {critical.pk, high.pk}
    assert leased() == [normal.pk]


def test_no_network_gets_more_than_its_share() -> None:
    for _ in range(4):
        due_lane()
    other = due_lane("mastodon")
    assert len(leased(per_network=2, sandbox=1)) == 2
    assert Lane.objects.get(pk=other.pk).lease_owner == "test"


def test_a_network_with_very_many_due_lanes_hides_no_other() -> None:
    accounts = [Account(network="sandbox", handle=f"many{n}") for n in range(600)]
    Account.objects.bulk_create(accounts)
    due = clock.database_now() - timedelta(hours=1)
    Lane.objects.bulk_create(Lane(account=one, network="sandbox", next_at=due) for one in accounts)
    other = due_lane("mastodon")
    assert leased(per_network=2, sandbox=2) == [other.pk]


def test_a_stale_runner_changes_nothing(account: Account, somebody: Somebody, control: Control) -> None:
    task = add_dm(account, somebody())
    stale = lease(account.lane)
    Lane.objects.filter(pk=account.pk).update(lease_until=clock.database_now() - timedelta(seconds=1))
    fresh = lease(account.lane, "other")
    with pytest.raises(LeaseLost):
        claim(stale, runner.open_channel(stale), batch=10)
    assert runner.run_lane(stale, go_on=lambda: True) == 0
    lanes.release(stale)
    assert Lane.objects.get(pk=account.pk).lease_owner == "other"
    assert runner.run_lane(fresh, go_on=lambda: True) == 1
    assert len(arrived(control, task)) == 1


def test_a_long_backlog_queues_up_behind_the_others(account: Account, somebody: Somebody) -> None:
    add_dm(account, somebody(), due_at=clock.database_now() - timedelta(hours=5))
    mine = lease(account.lane)
    lanes.release(mine)
    released = Lane.objects.get(pk=account.pk)
    assert clock.database_now() - released.next_at < timedelta(seconds=10)


# --- Wakes -------------------------------------------------------------------------------------------------
def test_a_task_committed_before_the_release_is_seen_by_it(account: Account, somebody: Somebody) -> None:
    add_dm(account, somebody())
    mine = lease(account.lane)
    claim_all(mine)
    add_dm(account, somebody())  # after the runner's last look, woken while the lane is leased
    lanes.release(mine)
    assert Lane.objects.get(pk=account.pk).next_at <= clock.database_now()


def test_a_task_committed_between_the_last_look_and_the_release_is_not_lost(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dm(account, somebody())
    mine = lease(account.lane)
    claim_all(mine)
    profile = somebody()
    look = lanes._next
    written: list[threading.Thread] = []

    def look_and_be_overtaken(lane: Lane) -> Any:
        found = look(lane)
        if not written:
            written.append(in_thread(lambda: add_dm(account, profile, kind=ActionKind.FOLLOW)))
            written[0].join(timeout=5)
            assert Task.objects.filter(kind=ActionKind.FOLLOW).exists()
        return found

    monkeypatch.setattr(lanes, "_next", look_and_be_overtaken)
    lanes.release(mine)
    assert not written[0].is_alive()
    assert Lane.objects.get(pk=account.pk).next_at <= clock.database_now()
    run_lanes()
    assert Task.objects.get(kind=ActionKind.FOLLOW).state == TaskState.COMPLETED


def claim_all(mine: lanes.Lease) -> None:
    channel = runner.open_channel(mine)
    claims = claim(mine, channel, batch=50).claims
    runner.settle(mine, runner.call_batch(channel, claims, runner.time.monotonic()))


def in_thread(what: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            what()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_two_writers_wake_many_lanes_without_deadlock() -> None:
    many = [make_lane().pk for _ in range(30)]
    now = clock.database_now()
    errors: list[Exception] = []

    def wake(ids: list[int]) -> None:
        for step in range(40):
            try:
                lanes.wake({pk: (now - timedelta(seconds=step), Priority.NORMAL) for pk in ids})
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                errors.append(error)

    threads = [in_thread(lambda ids=ids: wake(ids)) for ids in (many, many[::-1], many[5:], many[:20])]
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize(
    ("kind", "held", "woken"), [("dm", "", True), ("dm", "follow", True), ("dm", "dm", False)]
)
def test_forgotten_lanes_are_woken_unless_something_holds_them(
    account: Account, somebody: Somebody, kind: str, held: str, woken: bool
) -> None:
    add_dm(account, somebody(), kind=kind, due_at=clock.database_now() - timedelta(seconds=20))
    Lane.objects.filter(pk=account.pk).update(next_at=None)
    if held:
        lanes.hold(
            account.pk, kind=held, reason=Reason.LIMIT, until=clock.database_now() + timedelta(hours=1)
        )
    assert recovery.recover_lanes() == int(woken)
    assert (Lane.objects.get(pk=account.pk).next_at is not None) == woken


def test_a_lane_that_keeps_its_gap_is_not_forgotten(account: Account, somebody: Somebody) -> None:
    add_dm(account, somebody(), due_at=clock.database_now() - timedelta(seconds=20))
    later = clock.database_now() + timedelta(hours=1)
    Lane.objects.filter(pk=account.pk).update(next_at=later, people_until=later)
    assert recovery.recover_lanes() == 0


def test_a_hold_is_never_shortened(lane: Lane) -> None:
    now = clock.database_now()
    for minutes in (10, 5):
        lanes.hold(lane.pk, kind="", reason=Reason.RATE_LIMITED, until=now + timedelta(minutes=minutes))
    assert Hold.objects.get().until == now + timedelta(minutes=10)


def test_a_pause_leaves_what_the_network_asked_for(
    account: Account, somebody: Somebody, control: Control
) -> None:
    """Told to wait an hour, paused, told something else, resumed: the hour still counts."""
    in_an_hour = clock.database_now() + timedelta(hours=1)
    lanes.hold(account.pk, kind="", reason=Reason.RATE_LIMITED, until=in_an_hour)
    accounts.pause(account=account, reason="a holiday", by="test")
    lanes.hold(account.pk, kind="", reason=Reason.BREAKER_OPEN, until=in_an_hour - timedelta(minutes=50))
    add_dm(account, somebody())
    accounts.resume(account=account, by="test")
    run_lanes(within=1.0)
    assert [request for request in control.requests() if request.kind == "dm"] == []
    assert Lane.objects.get(pk=account.pk).next_at == in_an_hour


# --- The breaker -------------------------------------------------------------------------------------------
def let_the_hold_end(account: Account) -> None:
    now = clock.database_now()
    Hold.objects.filter(lane_id=account.pk).update(until=now)
    lanes.wake({account.pk: (now, Priority.NORMAL)})


def test_the_breaker_opens_holds_probes_and_closes(
    account: Account, ours: Ours, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine.update(breaker_seconds=600, retry_base_seconds=0.001)
    control.fault("error", account=account.handle, count=6)
    sent = [add_dm(account, somebody()) for _ in range(8)]
    other = ours()
    well = add_dm(other, somebody())

    def asked() -> list[int]:
        return [request.status for request in control.requests() if request.account == account.handle]

    run_lanes()
    lane = Lane.objects.get(pk=account.pk)
    assert asked() == [503] * 5, "the batch stops at the fifth failure in a row"
    assert lane.breaker_opened_at is not None
    assert Hold.objects.get(lane=lane).reason == Reason.BREAKER_OPEN
    assert refreshed(well).state == TaskState.COMPLETED
    let_the_hold_end(account)
    run_lanes()
    assert asked() == [503] * 6, "a single probe, and since it failed the lane is held again"
    let_the_hold_end(account)
    run_lanes(within=1.0)
    lane.refresh_from_db()
    assert (lane.failures, lane.breaker_opened_at) == (0, None)
    assert asked()[6:] == [200] * 8
    assert len(arrived(control, *sent)) == 8


# --- Dispatcher --------------------------------------------------------------------------------------------
def test_the_dispatcher_nudges_only_when_too_few_drains_run(account: Account, somebody: Somebody) -> None:
    assert dispatcher._nudge() is False
    add_dm(account, somebody())
    before = queue.backlog()
    assert dispatcher._nudge() is True
    assert queue.backlog() == before + 1
    Drain.objects.create(worker=f"{socket.gethostname()}:1")
    assert dispatcher._nudge() is False
    Drain.objects.update(beat_at=clock.database_now() - 2 * drain.GONE_AFTER)
    assert dispatcher._nudge() is True


def test_the_dispatcher_asks_for_more_drains_for_more_lanes_and_leaves_a_worker_free(
    settings: Any, engine: dict[str, Any]
) -> None:
    settings.WORKERS = 4
    engine["lanes_at_once"] = 2
    for _ in range(20):
        due_lane()
    assert dispatcher._missing_drains() == 3


def test_a_drain_runs_due_lanes_and_ends_when_idle(
    account: Account, somebody: Somebody, control: Control, engine: dict[str, Any]
) -> None:
    engine["drain_linger_seconds"] = 0.2
    sent = [add_dm(account, somebody()) for _ in range(3)]
    later = add_dm(account, somebody(), due_at=clock.database_now() + timedelta(seconds=0.4))
    found: list[int] = []
    thread = in_thread(lambda: found.append(drain.drain()))
    thread.join(timeout=20)
    assert len(arrived(control, *sent)) == 3
    assert found[0] >= 3
    assert not Drain.objects.exists()
    assert refreshed(later).state in (TaskState.PENDING, TaskState.COMPLETED)


# --- Poison ------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("impatient")
def test_a_task_whose_worker_dies_three_times_is_parked_and_its_neighbours_go_on(
    account: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [add_dm(account, somebody()) for _ in range(6)]
    poison = sent[2]

    class Died(BaseException):
        """The worker is gone, with whatever it held."""

    real = runner.acts.perform

    def perform(channel: Any, item: Any) -> Any:
        if item.task_id == poison.pk:
            raise Died
        return real(channel, item)

    monkeypatch.setattr("automation.engine.runner.acts.perform", perform)
    for _ in range(40):
        try:
            run_lanes(within=2.0)
        except Died:
            continue
        break
    assert (refreshed(poison).state, refreshed(poison).reason) == (TaskState.UNKNOWN, Reason.POISON)
    assert refreshed(poison).detail == "3 workers ended while they ran it."
    assert {refreshed(task).state for task in sent if task != poison} == {TaskState.COMPLETED}
    assert len(arrived(control, *sent)) == 5
    assert poison.attempts.count() == 3


def test_verify_is_the_one_thing_a_stopped_account_may_do(account: Account) -> None:
    lanes.hold(account.pk, kind="", reason=Reason.ACCOUNT_NOT_WORKING, until=None)
    tasks.add(NewTask(account.pk, ActionKind.FETCH_INBOX, "inbox", priority=Priority.CRITICAL))
    run_once(account.lane)
    assert Lane.objects.get(pk=account.pk).next_at is None
    tasks.add(NewTask(account.pk, ActionKind.VERIFY, "verify"))
    run_once(account.lane)
    assert Task.objects.get(kind=ActionKind.VERIFY).state == TaskState.COMPLETED
