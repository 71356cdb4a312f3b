"""Verifying accounts, also when their network is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation import services
from automation.engine import outcomes
from automation.enums import Reason, TaskState
from automation.models import Task
from monitoring.models import Alert
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db


def fail(reason: str, **fields: Any) -> Account:
    """An account whose verification ends for this reason."""
    account = make_account(**fields)
    make_lane(account)
    task = services.verify_account(account=account, by="test")
    outcomes._fail([task.pk], reason, "No answer.")
    account.refresh_from_db()
    return account


def verifications(account: Account) -> list[Task]:
    return list(Task.objects.filter(lane_id=account.pk, kind=ActionKind.VERIFY).order_by("id"))


def test_an_outage_does_not_disconnect_an_account_that_works() -> None:
    account = fail(Reason.EXHAUSTED)
    assert account.status == AccountStatus.ACTIVE
    assert account.verified_at
    assert not Alert.objects.exists()


def test_an_outage_lets_a_new_account_wait_and_ask_again_ever_later() -> None:
    account = fail(Reason.EXHAUSTED, status=AccountStatus.PENDING, verified_at=None, remote_id="")
    assert account.status == AccountStatus.PENDING
    assert account.status_reason.startswith("Not reached: No answer. It is asked again at ")
    waits = []
    for _ in range(8):
        last = verifications(account)[-1]
        assert last.state == TaskState.PENDING
        assert last.due_at
        waits.append(round((last.due_at - last.created_at).total_seconds() / 60))
        outcomes._fail([last.pk], Reason.EXHAUSTED, "No answer.")
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("reason", [Reason.CREDENTIALS, Reason.REFUSED])
def test_a_no_puts_the_account_in_error(reason: str) -> None:
    account = fail(reason)
    assert (account.status, account.status_reason) == (AccountStatus.ERROR, "No answer.")
    assert Alert.objects.get().key == f"account:{account.pk}"


def test_a_no_to_an_account_that_never_worked_is_no_alert() -> None:
    account = fail(Reason.CREDENTIALS, status=AccountStatus.PENDING, verified_at=None, remote_id="")
    assert account.status == AccountStatus.ERROR
    assert not Alert.objects.exists()


def test_verifying_now_brings_a_later_try_forward() -> None:
    account = fail(Reason.EXHAUSTED, status=AccountStatus.PENDING, verified_at=None, remote_id="")
    later = verifications(account)[-1]
    assert services.verify_account(account=account, by="ann") == later
    later.refresh_from_db()
    assert later.due_at
    assert later.due_at <= timezone.now()
    assert len(verifications(account)) == 2


def test_a_turned_away_account_knocks_again_four_times() -> None:
    account = fail(Reason.CREDENTIALS)
    began = account.status_changed_at
    knocks = []
    for minutes in range(0, 60 * 48, 5):
        at = began + timedelta(minutes=minutes)
        if services.knock_again(at=at):
            knocks.append(minutes)
            task = verifications(account)[-1]
            outcomes._fail([task.pk], Reason.CREDENTIALS, "Still no.")
    assert knocks == [10, 60, 360, 1440]
    account.refresh_from_db()
    assert (account.status, account.status_changed_at) == (AccountStatus.ERROR, began)


def test_a_knock_that_is_answered_brings_the_account_back() -> None:
    account = fail(Reason.CREDENTIALS)
    assert services.knock_again(at=account.status_changed_at + timedelta(minutes=10)) == 1
    accounts.mark_verified(account, remote_id=account.remote_id)
    assert account.status == AccountStatus.ACTIVE
    assert not Alert.objects.filter(resolved_at__isnull=True).exists()


def test_an_account_that_never_worked_does_not_knock() -> None:
    account = fail(Reason.CREDENTIALS, status=AccountStatus.PENDING, verified_at=None, remote_id="")
    assert services.knock_again(at=account.status_changed_at + timedelta(days=1)) == 0
