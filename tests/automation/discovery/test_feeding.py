"""How what waits becomes tasks: in order, within the day's plan, and again when a worker was lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ

from accounts.enums import AccountStatus, ActionKind, Role
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.discovery import budgets, feeding, frontier, readers
from automation.discovery import services as discovery
from automation.discovery.frontier import Look
from automation.engine import tasks
from automation.enums import LookKind, LookOrigin, LookState, Priority, Reason, SourceKind, TaskState
from automation.models import DiscoveryPlan, FrontierEntry, ProfilePost, Task
from leads.models import Profile
from outreach.lib import clock
from tests.automation.conftest import run_lanes
from tests.automation.discovery.conftest import Somebody, a_source, explore, requested, states
from tests.factories import make_account, make_lane, make_profile

pytestmark = pytest.mark.django_db(transaction=True)


def looks(*handles: str, **fields: Any) -> list[Look]:
    values = {"network": "sandbox", "kind": LookKind.RELATED, "origin": LookOrigin.HAND}
    return [Look(query=handle, **{**values, **fields}) for handle in handles]


def a_plan(**fields: Any) -> DiscoveryPlan:
    plan = budgets.plan_of("sandbox")
    for name, value in fields.items():
        setattr(plan, name, value)
    return budgets.save_plan(plan, by=None)


# --- Order and dedupe --------------------------------------------------------------------------------------
def test_the_same_is_added_once_and_the_more_urgent_wish_counts() -> None:
    frontier.add(looks("ann", "bob"))
    frontier.add(looks("ann", priority=Priority.HIGH))
    found = FrontierEntry.objects.values_list("query", "priority")
    assert Counter(found) == {("ann", Priority.HIGH): 1, ("bob", Priority.LOW): 1}


def test_what_is_done_may_be_asked_again() -> None:
    frontier.add(looks("ann"))
    frontier.finish(FrontierEntry.objects.get(), LookState.DONE)
    frontier.add(looks("ann"))
    assert states() == {LookState.DONE: 1, LookState.WAITING: 1}


def test_the_most_urgent_is_handed_out_first_and_what_is_not_due_waits(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_plan(daily_looks=2)
    later = timezone.now() + timedelta(hours=1)
    frontier.add(
        looks("low") + looks("urgent", priority=Priority.HIGH) + looks("later", priority=0, due_at=later)
    )
    frontier.add(looks("normal", priority=Priority.NORMAL))
    assert feeding.feed("sandbox") == 2
    handed = FrontierEntry.objects.filter(state=LookState.QUEUED).values_list("query", flat=True)
    assert set(handed) == {"urgent", "normal"}
    assert set(Task.objects.values_list("priority", flat=True)) == {Priority.HIGH, Priority.NORMAL}


def test_a_full_frontier_takes_what_people_ask_for_and_finds_the_others_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontier, "MOST_WAITING", 1)
    frontier.add(looks("ann", "bob"))
    stranger = make_profile("stranger", found_by=make_account())
    frontier.add(looks("stranger", kind=LookKind.PROFILE, profile_id=stranger.pk))
    frontier.add(looks("cleo", priority=Priority.NORMAL))
    assert set(FrontierEntry.objects.values_list("query", flat=True)) == {"ann", "bob", "cleo"}
    stranger.refresh_from_db()
    assert stranger.refresh_at is not None


# --- The day's plan ----------------------------------------------------------------------------------------
def test_the_day_s_plan_is_never_overrun_by_many_who_feed_at_once(account: Account) -> None:
    a_plan(daily_looks=40)
    frontier.add(looks(*(f"somebody_{n}" for n in range(120))))

    def feed(_: int) -> int:
        try:
            return feeding.feed("sandbox")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        fed = sum(pool.map(feed, range(16)))
    plan = DiscoveryPlan.objects.get()
    # Two of forty are kept for what people ask for.
    assert fed == plan.used == Task.objects.count() == 38
    assert states() == {LookState.QUEUED: 38, LookState.WAITING: 82}


def test_a_new_day_begins_with_what_is_still_queued(account: Account) -> None:
    a_plan(daily_looks=10)
    frontier.add(looks("ann", "bob", "cleo", priority=Priority.HIGH))
    feeding.feed("sandbox")
    yesterday = clock.database_now().date() - timedelta(days=1)
    DiscoveryPlan.objects.update(used_on=yesterday, used=10)
    frontier.add(looks(*(f"new_{n}" for n in range(20)), priority=Priority.HIGH))
    assert feeding.feed("sandbox") == 7
    assert DiscoveryPlan.objects.get().used == 10


def test_what_was_called_off_before_it_was_read_comes_back_to_the_plan(account: Account) -> None:
    frontier.add(looks("ann", "bob"))
    feeding.feed("sandbox")
    assert budgets.room_today("sandbox", Priority.HIGH) == 4998
    tasks.cancel(list(Task.objects.values_list("pk", flat=True)[:1]), reason=Reason.BY_HAND, by="test")
    assert budgets.room_today("sandbox", Priority.HIGH) == 4999
    assert states() == {LookState.FAILED: 1, LookState.QUEUED: 1}


def test_pages_seen_within_the_hour_are_served_though_the_plan_is_used_up(
    account: Account, control: Control
) -> None:
    source = a_source(account, max_pages=1)
    discovery.run_source(source=source, by=None)
    explore()
    a_plan(daily_looks=0)
    control.forget_requests()
    discovery.run_source(source=source, by=None)
    explore()
    source.refresh_from_db()
    assert (source.pages, requested(control)) == (1, {})


# --- Who reads ---------------------------------------------------------------------------------------------
def test_looks_nobody_was_named_for_are_spread_over_those_that_discover(account: Account) -> None:
    scouts = [make_lane(make_account(role=Role.DISCOVER)).account_id for _ in range(2)]
    frontier.add(looks(*(f"somebody_{n}" for n in range(10))))
    feeding.feed("sandbox")
    assert Counter(Task.objects.values_list("lane_id", flat=True)) == dict.fromkeys(scouts, 5)


def test_what_a_paused_account_should_read_waits_for_it(account: Account) -> None:
    frontier.add(looks("ann", account_id=account.pk))
    Account.objects.update(status=AccountStatus.PAUSED)
    assert feeding.feed("sandbox") == 0
    Account.objects.update(status=AccountStatus.ACTIVE)
    assert feeding.feed("sandbox") == 1


def test_an_account_has_only_so_much_before_it_but_what_people_ask_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "AHEAD", 3)
    frontier.add(looks(*(f"somebody_{n}" for n in range(5)), account_id=account.pk))
    frontier.add(looks("at_once", account_id=account.pk, priority=Priority.HIGH))
    assert feeding.feed("sandbox") == 3
    frontier.add(looks("me_too", account_id=account.pk, priority=Priority.HIGH))
    assert feeding.feed("sandbox") == 1
    queued = FrontierEntry.objects.filter(state=LookState.QUEUED).values_list("query", flat=True)
    assert {"at_once", "me_too"} <= set(queued)


def test_profiles_are_read_by_accounts_of_the_server_that_named_them(account: Account) -> None:
    elsewhere = make_lane(make_account(server="http://127.0.0.1:2", role=Role.DISCOVER)).account
    found_by = make_account(server=account.server, status=AccountStatus.PAUSED)
    profile = make_profile("ann", found_by=found_by)
    frontier.add(looks("ann", kind=LookKind.PROFILE, profile_id=profile.pk))
    feeding.feed("sandbox")
    task = Task.objects.get()
    assert (task.lane_id, task.lane_id != elsewhere.pk) == (account.pk, True)


# --- Commenters --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("comments", "state"), [(5, LookState.DROPPED), (6, LookState.QUEUED)])
def test_commenters_are_read_only_where_a_post_has_over_five(
    account: Account, comments: int, state: LookState
) -> None:
    profile = make_profile("ann", fetched_at=timezone.now())
    ProfilePost.objects.create(profile=profile, remote_id="p1", comments=comments)
    source = a_source(account, "Ann", kind=SourceKind.COMMENTERS)
    entry = discovery.run_source(source=source, by=None)
    entry.refresh_from_db()
    assert entry.state == state
    assert Task.objects.count() == (state == LookState.QUEUED)


def test_commenters_of_a_post_with_over_five_are_found(
    account: Account, somebody: Somebody, control: Control
) -> None:
    author = somebody(found_by=account)
    post_id = control.write(author.handle, "What do you brew on Sundays?")
    fans = [one.handle for one in control.people() if one.handle != author.handle][:6]
    for handle in fans:
        control.say(handle, "Filter!", post_id=post_id)
    quiet_id = control.write(author.handle, "And on Mondays?")
    passer_by = next(one.handle for one in control.people() if one.handle not in {*fans, author.handle})
    control.say(passer_by, "Nothing.", post_id=quiet_id)
    discovery.refresh(profile=author, account=account, by=None)
    explore()
    discovery.run_source(source=a_source(account, author.handle, kind=SourceKind.COMMENTERS), by=None)
    explore()
    found = set(Profile.objects.values_list("handle", flat=True))
    assert set(fans) <= found
    # By post, not by profile: who commented where hardly anybody did is not looked at.
    assert passer_by not in found
    assert Task.objects.filter(kind=ActionKind.FETCH_COMMENTERS, state=TaskState.COMPLETED).count() == 1


# --- What was lost -----------------------------------------------------------------------------------------
def test_an_entry_whose_task_ended_without_a_word_waits_again_and_then_gives_up(account: Account) -> None:
    frontier.add(looks("ann"))
    feeding.feed("sandbox")
    assert feeding.mend() == 0
    Task.objects.update(state=TaskState.COMPLETED, finished_at=Now())
    assert feeding.mend() == 1
    assert states() == {LookState.WAITING: 1}
    assert feeding.feed("sandbox") == 1
    FrontierEntry.objects.update(tries=feeding.MOST_TRIES)
    Task.objects.all().delete()
    assert feeding.mend() == 1
    assert states() == {LookState.FAILED: 1}


def test_a_failed_task_that_staff_run_again_settles_its_entry(
    account: Account, control: Control, engine: dict[str, Any]
) -> None:
    engine |= {"breaker_failures": 100, "max_attempts": 1}
    control.fault("error", kind="fetch_search", count=1)
    discovery.run_source(source=a_source(account, max_pages=1), by=None)
    run_lanes()
    task = Task.objects.get(kind=ActionKind.FETCH_SEARCH)
    assert FrontierEntry.objects.get().state == LookState.FAILED
    tasks.retry(task, by=None)
    run_lanes()
    assert FrontierEntry.objects.get(kind=LookKind.SEARCH).state == LookState.DONE


def test_the_clock_hands_out_what_nobody_was_nudged_for(account: Account) -> None:
    frontier.add(looks("ann"))
    assert discovery.tick() == 0
    assert OrmQ.objects.count() == 1
