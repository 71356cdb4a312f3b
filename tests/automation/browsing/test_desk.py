"""Lanes at the front desk: who waits, why, and who is woken. The browser itself is tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.enums import ActionKind
from accounts.models import Account
from automation import breakers
from automation.browser import endpoint
from automation.browser.endpoint import DEGRADED, READY, STARTING, ServerState
from automation.browser.work import BrowserBusy, BrowserDown, Hung, Job, Urgency, urgency_of
from automation.browsing import desk as desk_module
from automation.browsing import sessions, slots
from automation.browsing.desk import FrontDesk
from automation.browsing.standing import standing
from automation.enums import Priority, Reason, TaskState
from automation.models import Breaker, BrowserSlot, BrowserWait, Hold
from outreach.lib import clock
from tests.factories import make_lane, make_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_slots(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.BROWSER = {**settings.BROWSER, "slots": 2}
    settings.BROWSER_URL = ""
    endpoint.write(ServerState(READY, "ws://127.0.0.1:1/secret"))


@pytest.fixture
def desk() -> Iterator[FrontDesk]:
    found = FrontDesk()
    yield found
    for account in list(found._turns):
        found.leave(account)


def lane_with(*kinds: ActionKind) -> Account:
    lane = make_lane()
    for kind in kinds:
        urgent = kind == ActionKind.POST
        make_task(lane, kind=kind, priority=Priority.CRITICAL if urgent else Priority.NORMAL)
    return lane.account


def holds(account: Account) -> list[tuple[str, str]]:
    return list(Hold.objects.filter(lane=account.pk).order_by("kind").values_list("kind", "reason"))


def taken() -> list[int]:
    return list(BrowserSlot.objects.filter(token__isnull=False).values_list("number", flat=True))


def test_lane_with_nothing_due_takes_no_slot(desk: FrontDesk) -> None:
    account = lane_with()
    make_task(account.lane, kind=ActionKind.DM, due_at=clock.database_now() + timedelta(hours=1))
    desk.enter(account.pk)
    assert taken() == []
    assert holds(account) == []


def test_turn_takes_a_slot_and_gives_it_back(desk: FrontDesk) -> None:
    account = lane_with(ActionKind.DM)
    desk.enter(account.pk)
    assert taken() == [2]
    desk.leave(account.pk)
    desk.leave(account.pk)
    assert taken() == []


def test_lane_that_gets_no_slot_is_held_with_the_reason_and_woken_for_its_turn(desk: FrontDesk) -> None:
    first, second = lane_with(ActionKind.DM), lane_with(ActionKind.DM)
    desk.enter(first.pk)
    desk.enter(second.pk)
    assert holds(second) == [("dm", Reason.BROWSER)]
    assert BrowserWait.objects.get().account_id == second.pk
    desk.leave(first.pk)
    assert holds(second) == []
    second.lane.refresh_from_db()
    assert second.lane.next_at is not None
    desk.enter(second.pk)
    assert taken() == [2]
    assert not BrowserWait.objects.exists()


def test_critical_act_gets_the_kept_slot_and_less_urgent_ones_of_its_lane_wait(desk: FrontDesk) -> None:
    other, account = lane_with(ActionKind.DM), lane_with(ActionKind.DM, ActionKind.POST)
    desk.enter(other.pk)
    desk.enter(account.pk)
    assert taken() == [1, 2]
    assert holds(account) == [("dm", Reason.BROWSER)]


def test_nothing_is_held_twice_nor_hides_another_reason(desk: FrontDesk) -> None:
    first, second = lane_with(ActionKind.DM), lane_with(ActionKind.DM)
    desk.enter(first.pk)
    until = clock.database_now() + timedelta(minutes=1)
    Hold.objects.create(lane=second.lane, kind="dm", reason=Reason.LIMIT, until=until)
    desk.enter(second.pk)
    assert holds(second) == [("dm", Reason.LIMIT)]
    assert not BrowserWait.objects.exists()


@pytest.mark.parametrize("state", [STARTING, DEGRADED, ""])
def test_lane_waits_for_the_browser_and_says_why(desk: FrontDesk, state: str) -> None:
    endpoint.forget()
    if state:
        endpoint.write(ServerState(state, reason="No Chromium is installed."))
    account = lane_with(ActionKind.DM, ActionKind.POST)
    desk.enter(account.pk)
    assert holds(account) == [("dm", Reason.BROWSER), ("post", Reason.BROWSER)]
    detail = Hold.objects.filter(lane=account.pk).values_list("detail", flat=True)[0]
    expected = {STARTING: "starting", DEGRADED: "No Chromium is installed.", "": "manage.py up"}
    assert expected[state] in detail
    assert taken() == []
    assert endpoint.is_wanted()


def test_low_work_waits_for_a_publication_that_is_due_soon(desk: FrontDesk) -> None:
    poster, account = lane_with(), lane_with(ActionKind.DM)
    sessions.store(account=poster, state={"cookies": [], "origins": []}, by="test")
    due = clock.database_now() + timedelta(seconds=90)
    make_task(poster.lane, kind=ActionKind.POST, due_at=due)
    desk.enter(account.pk)
    hold = Hold.objects.get(lane=account.pk)
    assert hold.until == due
    assert "publication" in hold.detail


def test_unclear_outcome_alone_takes_a_slot(desk: FrontDesk) -> None:
    account = lane_with()
    make_task(account.lane, kind=ActionKind.DM, state=TaskState.UNKNOWN)
    desk.enter(account.pk)
    assert taken() == [2]


def test_job_without_a_turn_waits_no_longer_than_it_says(desk: FrontDesk) -> None:
    holder = lane_with(ActionKind.DM)
    desk.enter(holder.pk)
    with pytest.raises(BrowserBusy), desk.slot(Job("x:y", urgency=Urgency.LOW, wait=0.3)):
        pytest.fail("there was no slot")
    assert not BrowserWait.objects.exists()
    desk.leave(holder.pk)
    with desk.slot(Job("x:y")):
        assert taken() == [2]
    assert taken() == []


def test_slot_comes_back_whatever_happens_inside(desk: FrontDesk) -> None:
    with pytest.raises(Hung), desk.slot(Job("x:y")):
        raise Hung("It hung.")
    assert taken() == []


def test_turn_whose_slot_was_given_away_does_not_act(desk: FrontDesk) -> None:
    account = lane_with(ActionKind.DM)
    desk.enter(account.pk)
    BrowserSlot.objects.update(token=None)
    with pytest.raises(BrowserBusy), desk.slot(Job("x:y", account=account.pk)):
        pytest.fail("it was not ours")


def test_less_urgent_work_that_comes_due_mid_turn_does_not_use_the_kept_slot(desk: FrontDesk) -> None:
    other, account = lane_with(ActionKind.DM), lane_with(ActionKind.POST)
    desk.enter(other.pk)
    desk.enter(account.pk)
    assert taken() == [1, 2]
    with pytest.raises(BrowserBusy, match="1 in line"), desk.slot(Job("x:y", account=account.pk)):
        pytest.fail("it was in the kept slot")
    with desk.slot(Job("x:y", account=account.pk, urgency=Urgency.CRITICAL)):
        assert taken() == [1, 2]
    desk.leave(other.pk)
    with desk.slot(Job("x:y", account=account.pk)):
        assert taken() == [2]
    assert taken() == [2]
    assert not BrowserWait.objects.exists()
    desk.leave(account.pk)
    assert taken() == []


def test_what_waits_for_the_browser_is_looked_at_each_turn(desk: FrontDesk) -> None:
    """A hold that ends between the look at what is due and the claim would let work through that has no slot."""
    other, account = lane_with(ActionKind.DM), lane_with(ActionKind.DM)
    desk.enter(other.pk)
    desk.enter(account.pk)
    soon = clock.database_now() + timedelta(seconds=0.5)
    Hold.objects.filter(lane=account.pk).update(until=soon)
    desk.leave(account.pk)
    desk.enter(account.pk)
    assert Hold.objects.get(lane=account.pk).until > soon + timedelta(seconds=5)
    desk.leave(account.pk)
    BrowserSlot.objects.update(leased_until=None, token=None)
    desk.enter(account.pk)
    assert holds(account) == []
    assert taken() == [2]


def test_call_that_comes_before_the_hold_is_written_is_not_lost(
    desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, account = lane_with(ActionKind.DM), lane_with(ActionKind.DM)
    desk.enter(other.pk)
    in_line = desk_module._in_line

    def free_meanwhile(urgency: int, now: Any) -> str:
        desk.leave(other.pk)
        return in_line(urgency, now)

    monkeypatch.setattr(desk_module, "_in_line", free_meanwhile)
    desk.enter(account.pk)
    assert holds(account) == []
    with desk.slot(Job("x:y", account=account.pk)):
        assert taken() == [2]


def test_turn_that_began_with_nothing_takes_a_slot_for_what_comes_due(desk: FrontDesk) -> None:
    account = lane_with()
    desk.enter(account.pk)
    assert taken() == []
    with desk.slot(Job("x:y", account=account.pk)):
        assert taken() == [2]
    assert taken() == [2], "the turn keeps it"
    desk.leave(account.pk)
    assert taken() == []


def test_slot_for_all_work_ends_the_waiting_of_all_of_it(desk: FrontDesk) -> None:
    """A place left in line would keep a slot from others once it is called."""
    other, account = lane_with(ActionKind.DM), lane_with(ActionKind.DM, ActionKind.FETCH_INBOX)
    desk.enter(other.pk)
    desk.enter(account.pk)
    assert standing().in_line == 2
    desk.leave(other.pk)
    desk.enter(account.pk)
    assert (taken(), standing().in_line) == ([2], 0)


def test_browser_that_keeps_failing_is_left_alone_and_lanes_say_so(desk: FrontDesk, settings: Any) -> None:
    for _ in range(settings.ENGINE["breaker_failures"]):
        with pytest.raises(BrowserDown), desk.slot(Job("x:y")):
            raise BrowserDown("It is not there.")
    assert Breaker.objects.get().opened_at is not None
    with pytest.raises(BrowserDown, match="There is no browser") as down, desk.slot(Job("x:y")):
        pytest.fail("its breaker is open")
    assert down.value.retry_after
    assert breakers.not_closed().count() == 1
    account = lane_with(ActionKind.POST)
    desk.enter(account.pk)
    assert "It is not there." in Hold.objects.get(lane=account.pk).detail


def test_hung_page_says_nothing_against_the_browser(desk: FrontDesk, settings: Any) -> None:
    for _ in range(settings.ENGINE["breaker_failures"] + 1):
        with pytest.raises(Hung), desk.slot(Job("x:y")):
            raise Hung("It hung.")
    assert not breakers.not_closed().exists()


def test_session_is_the_accounts_and_kept(desk: FrontDesk) -> None:
    account, other = lane_with(), lane_with()
    session = desk.session(account.pk)
    assert session.state is None
    session.keep({"cookies": [], "origins": [{"origin": "https://x", "localStorage": []}]})
    assert desk.session(account.pk).state is not None
    assert desk.session(other.pk).state is None


@pytest.mark.parametrize(
    ("kind", "urgency"),
    [("post", 0), ("reply", 0), ("fetch_metrics", 1), ("fetch_search", 1), ("", 1), ("dm", 2), ("follow", 2)],
)
def test_urgency_of_kinds(kind: str, urgency: int) -> None:
    assert urgency_of(kind) == urgency


def test_waiting_for_turns_costs_no_attempt(desk: FrontDesk) -> None:
    first, second = lane_with(ActionKind.DM), lane_with(ActionKind.DM)
    desk.enter(first.pk)
    for _ in range(3):
        desk.enter(second.pk)
    assert BrowserWait.objects.count() == 1
    assert slots.capacity() == 2
    assert second.lane.tasks.get().attempt_count == 0


def test_turn_of_a_thread_that_lost_the_lane_ends_without_harm(desk: FrontDesk) -> None:
    account = lane_with(ActionKind.DM)
    desk.enter(account.pk)
    desk.enter(account.pk)
    desk.leave(account.pk)
    assert taken() == []
    with desk.slot(Job("x:y", account=account.pk)):
        assert taken() == [2]
    desk.leave(account.pk)
    assert taken() == []
    assert desk._serving(account.pk, Urgency.LOW) is not None, "between its end and ours"
