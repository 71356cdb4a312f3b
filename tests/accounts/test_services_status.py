from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts import services
from accounts.enums import AccountStatus
from accounts.models import Account, WarmUp
from tests.accounts.recorder import Recorder
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def status(account: Account) -> str:
    return Account.objects.get(pk=account.pk).status


def ramp(account: Account, **fields: object) -> WarmUp:
    values = {"kind": "dm", "start": 1, "step": 1, "ceiling": 5, "started_on": date(2026, 11, 20), **fields}
    return WarmUp.objects.create(account=account, **values)


def test_pause_and_resume_return_to_work_and_leave_events(recorder: Recorder) -> None:
    account = make_account()
    services.pause(account=account, by="ann", reason="holidays")
    services.pause(account=account, by="bob", reason="again")
    account.refresh_from_db()
    assert (account.status, account.status_reason) == (AccountStatus.PAUSED, "holidays")
    services.resume(account=account, by="ann")
    services.resume(account=account, by="ann")
    account.refresh_from_db()
    assert (account.status, account.status_reason) == (AccountStatus.ACTIVE, "")
    assert [(event.name, event.by, event.data["was"], event.data["status"]) for event in recorder.events] == [
        ("account.status_changed", "ann", "active", "paused"),
        ("account.status_changed", "ann", "paused", "active"),
    ]


@pytest.mark.parametrize("held", [AccountStatus.PAUSED, AccountStatus.LIMITED, AccountStatus.DISABLED])
def test_resume_returns_to_the_status_its_state_calls_for(held: AccountStatus) -> None:
    plain, young, grown, unknown = (make_account(status=held) for _ in range(4))
    ramp(young)
    ramp(grown, started_on=date(2026, 11, 1))
    Account.objects.filter(pk=unknown.pk).update(verified_at=None)
    found = [
        services.resume(account=account, by="ann", at=NOON).status
        for account in (plain, young, grown, unknown)
    ]
    assert found == [
        AccountStatus.ACTIVE,
        AccountStatus.WARMING_UP,
        AccountStatus.ACTIVE,
        AccountStatus.PENDING,
    ]


def test_a_disabled_account_cannot_be_paused_and_disabling_twice_is_once(recorder: Recorder) -> None:
    account = make_account()
    services.disable(account=account, by="ann", reason="sold")
    services.disable(account=account, by="ann")
    assert len(recorder.events) == 1
    with pytest.raises(ValidationError, match="Resume it first"):
        services.pause(account=account, by="ann")
    assert status(account) == AccountStatus.DISABLED


@pytest.mark.parametrize("before", [AccountStatus.PENDING, AccountStatus.ERROR])
def test_mark_verified_lets_an_account_work(before: AccountStatus) -> None:
    account = make_account(handle="alice", status=before, verified_at=None, remote_id="")
    services.mark_verified(account, remote_id="77", handle="@Alice", display_name="Alice A.", at=NOON)
    account.refresh_from_db()
    assert (account.status, account.remote_id, account.handle) == (AccountStatus.ACTIVE, "77", "Alice")
    assert (account.display_name, account.verified_at) == ("Alice A.", NOON)


def test_mark_verified_makes_an_account_with_a_rising_ramp_warm_up() -> None:
    account = make_account(status=AccountStatus.PENDING, verified_at=None)
    ramp(account)
    services.mark_verified(account, remote_id=account.remote_id, at=NOON)
    assert status(account) == AccountStatus.WARMING_UP


@pytest.mark.parametrize("held", [AccountStatus.PAUSED, AccountStatus.DISABLED, AccountStatus.LIMITED])
def test_mark_verified_does_not_wake_an_account_that_is_held(held: AccountStatus) -> None:
    account = make_account(status=held, verified_at=None)
    services.mark_verified(account, remote_id=account.remote_id)
    assert status(account) == held
    assert Account.objects.get(pk=account.pk).verified_at is not None


def test_mark_verified_refuses_the_credentials_of_somebody_else() -> None:
    make_account(handle="bob")
    account = make_account(handle="alice", remote_id="77", status=AccountStatus.PENDING, verified_at=None)
    with pytest.raises(ValidationError, match="belong to another account"):
        services.mark_verified(account, remote_id="78")
    with pytest.raises(ValidationError, match="There is already an account"):
        services.mark_verified(account, remote_id="77", handle="BOB")
    found = Account.objects.get(pk=account.pk)
    assert (found.handle, found.remote_id, found.status, found.verified_at) == (
        "alice",
        "77",
        "pending",
        None,
    )
    assert account.handle == "alice"


def test_mark_error_stops_the_account_until_it_is_verified_again(recorder: Recorder) -> None:
    account = make_account()
    services.mark_error(account, "The token was revoked. " * 50)
    account.refresh_from_db()
    assert (account.status, account.verified_at, len(account.status_reason)) == (
        AccountStatus.ERROR,
        None,
        500,
    )
    assert recorder.events[-1].data["reason"].startswith("The token was revoked.")
    assert services.resume(account=account, by="ann").status == AccountStatus.PENDING


@pytest.mark.parametrize("held", [AccountStatus.PAUSED, AccountStatus.DISABLED])
def test_mark_error_keeps_a_held_account_held_but_unverified(held: AccountStatus) -> None:
    account = make_account(status=held)
    services.mark_error(account, "revoked")
    assert status(account) == held
    assert services.resume(account=account, by="ann").status == AccountStatus.PENDING


def test_mark_limited_rests_working_accounts_only() -> None:
    working, paused = make_account(), make_account(status=AccountStatus.PAUSED)
    for account in (working, paused):
        services.mark_limited(account, "too fast")
    assert (status(working), status(paused)) == (AccountStatus.LIMITED, AccountStatus.PAUSED)


def test_settle_warm_ups_makes_grown_accounts_active() -> None:
    young, grown = (
        make_account(status=AccountStatus.WARMING_UP),
        make_account(status=AccountStatus.WARMING_UP),
    )
    ramp(young)
    ramp(grown, started_on=date(2026, 11, 18))
    assert services.settle_warm_ups(at=NOON) == 1
    assert (status(young), status(grown)) == (AccountStatus.WARMING_UP, AccountStatus.ACTIVE)
    assert services.settle_warm_ups(at=NOON + timedelta(days=9)) == 1
    assert status(young) == AccountStatus.ACTIVE


def test_a_status_change_drops_what_the_caller_had_not_saved() -> None:
    account = make_account(niche="books")
    account.niche = "unsaved"
    services.pause(account=account, by="ann")
    assert account.niche == Account.objects.get(pk=account.pk).niche == "books"
