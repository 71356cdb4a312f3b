"""What automation does when accounts and people announce something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels.base import AccountInfo
from automation.engine import lanes
from automation.enums import Reason, TaskState
from automation.models import Hold, Lane, Task
from automation.services import verify_account, welcome
from outreach.lib import clock
from tests.factories import make_account, make_lane, make_task

pytestmark = pytest.mark.django_db


def verifications(account: Account) -> list[Task]:
    return list(Task.objects.filter(lane_id=account.pk, kind=ActionKind.VERIFY).order_by("pk"))


def test_a_new_account_gets_its_lane_and_is_verified() -> None:
    account = accounts.create_account(
        network="sandbox", handle="brand_new", server="http://127.0.0.1:1", secret={"token": "t"}, by=None
    )
    assert Lane.objects.get(pk=account.pk).network == "sandbox"
    assert [task.state for task in verifications(account)] == [TaskState.PENDING]


def test_a_verified_account_works_and_its_inbox_is_read() -> None:
    account = make_account(status=AccountStatus.PENDING, verified_at=None, remote_id="")
    task = verify_account(account=account, by=None)
    welcome(task, AccountInfo(account.handle, "r1", "Shop"))
    account.refresh_from_db()
    assert (account.status, account.remote_id, account.display_name) == (AccountStatus.ACTIVE, "r1", "Shop")
    assert Task.objects.filter(lane_id=account.pk, kind=ActionKind.FETCH_INBOX).count() == 1


def test_credentials_of_somebody_else_put_the_account_in_error() -> None:
    account = make_account(remote_id="r1")
    task = verify_account(account=account, by=None)
    welcome(task, AccountInfo("other", "r2"))
    account.refresh_from_db()
    assert account.status == AccountStatus.ERROR
    assert "belong to another account" in account.status_reason


def test_new_credentials_after_an_error_are_verified() -> None:
    account = make_account()
    make_lane(account)
    accounts.mark_error(account, "The token has expired.")
    assert Hold.objects.get(lane_id=account.pk).detail == "The token has expired."
    accounts.set_credentials(account=account, secret={"token": "new"}, by=None)
    assert [task.state for task in verifications(account)] == [TaskState.PENDING]


def test_resuming_an_account_that_was_never_confirmed_verifies_it() -> None:
    account = make_account(status=AccountStatus.ERROR, verified_at=None)
    make_lane(account)
    accounts.resume(account=account, by=None)
    assert account.status == AccountStatus.PENDING
    assert len(verifications(account)) == 1


def test_a_lane_is_held_while_its_account_does_not_work() -> None:
    account = make_account()
    make_lane(account)
    accounts.pause(account=account, by=None)
    hold = Hold.objects.get(lane_id=account.pk)
    assert (hold.kind, hold.reason, hold.until) == ("", Reason.ACCOUNT_NOT_WORKING, None)
    accounts.resume(account=account, by=None)
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    ("changes", "kept"), [({"display_name": "Shop"}, True), ({"sending_gap": 5.0}, False)]
)
def test_only_what_concerns_the_pace_ends_a_gap(changes: dict[str, Any], kept: bool) -> None:
    account = make_account()
    later = clock.database_now() + timedelta(minutes=1)
    make_lane(account, people_until=later, people_reason=Reason.SENDING_GAP)
    accounts.update_account(account=account, by=None, **changes)
    assert Lane.objects.get(pk=account.pk).people_until == (later if kept else None)


def test_raising_a_networks_limit_frees_the_lanes_of_that_network_only() -> None:
    here, there = make_lane(), make_lane(make_account(network="mastodon"))
    until = clock.database_now() + timedelta(hours=1)
    for lane in (here, there):
        lanes.hold(lane.pk, kind=ActionKind.DM, reason=Reason.LIMIT, until=until)
        make_task(lane, kind=ActionKind.DM, due_at=until, reason=Reason.CAMPAIGN_LIMIT)
    accounts.set_limit(network="sandbox", kind=ActionKind.DM, limit=9, by=None)
    assert [hold.lane_id for hold in Hold.objects.all()] == [there.pk]
    assert Task.objects.get(lane=here).reason == ""
    assert Task.objects.get(lane=there).reason == Reason.CAMPAIGN_LIMIT
