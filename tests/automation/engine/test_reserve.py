"""What a limit keeps in reserve: urgent acts alone get it, the others wait for the window's end or for room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.enums import ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.channels.sandbox.control import Control
from automation.engine import lanes, runner
from automation.engine.claim import claim
from automation.engine.shapes import Answer, Outcome
from automation.enums import Priority, Reason, TaskState
from automation.models import Hold
from leads.models import Profile
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, used

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]


def test_what_a_limit_keeps_in_reserve_goes_to_urgent_acts_alone(
    account: Account, somebody: Somebody, control: Control
) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=4, reserve=2, by="test")
    plain = [add_dm(account, somebody()) for _ in range(5)]
    run_lanes()
    assert len(arrived(control, *plain)) == 2
    waiting = [task for task in map(refreshed, plain) if task.state == TaskState.PENDING]
    assert {(one.reason, one.detail) for one in waiting} == {
        (Reason.RESERVE, "2 of 4 a day used (account), 2 kept for urgent acts")
    }
    urgent = [add_dm(account, somebody(), priority=Priority.HIGH) for _ in range(3)]
    run_lanes()
    assert (len(arrived(control, *urgent)), len(arrived(control, *plain)), used(account)) == (2, 2, 4)
    assert Hold.objects.get(lane=account.lane).reason == Reason.LIMIT, "now it is full for everybody"


def test_a_lower_reserve_lets_waiting_acts_go(account: Account, somebody: Somebody, control: Control) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=4, reserve=3, by="test")
    sent = [add_dm(account, somebody()) for _ in range(5)]
    run_lanes()
    set_limit(account=account, kind=ActionKind.DM, limit=4, reserve=1, by="test")
    run_lanes()
    assert (len(arrived(control, *sent)), used(account)) == (3, 3)


def test_a_unit_that_comes_back_goes_to_those_the_reserve_made_wait(
    account: Account, somebody: Somebody
) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=2, reserve=1, by="test")
    first = add_dm(account, somebody())
    mine = lease(account.lane)
    (one,) = claim(mine, runner.open_channel(mine), batch=1).claims
    second = add_dm(account, somebody())
    assert not claim(mine, runner.open_channel(mine), batch=1).claims
    assert refreshed(second).reason == Reason.RESERVE
    runner.settle(mine, [Outcome(one, Answer.REFUSED, reason=Reason.REFUSED, error="no")])
    assert refreshed(second).reason == ""
    lanes.release(mine)
    run_lanes()
    assert [refreshed(task).state for task in (first, second)] == [TaskState.FAILED, TaskState.COMPLETED]
    assert used(account) == 1
