from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import services
from accounts.enums import AccountStatus
from accounts.models import Allowance, Limit, WarmUp
from tests.accounts.recorder import Recorder
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def test_set_limit_sets_one_row_per_scope_and_tells(recorder: Recorder) -> None:
    account = make_account()
    for limit in (50, 20):
        services.set_limit(account=account, kind="dm", limit=limit, by="ann")
    services.set_limit(account=account, kind="dm", window="hour", limit=5, by="ann")
    for limit in (100, 90):
        services.set_limit(network="sandbox", kind="dm", limit=limit, by="ann")
    assert sorted(Limit.objects.values_list("account_id", "network", "window", "limit"), key=str) == sorted(
        [(account.pk, "", "day", 20), (account.pk, "", "hour", 5), (None, "sandbox", "day", 90)], key=str
    )
    assert {event.name for event in recorder.events} == {"account.limits_changed"}
    assert recorder.events[0].ids == (account.pk,)
    assert (recorder.events[-1].ids, recorder.events[-1].data) == ((), {"network": "sandbox", "kind": "dm"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": -1}, "-1 is below zero. Use 0 for never."),
        ({"limit": 2.5}, "2.5 is not a whole number."),
        ({"limit": True}, "True is not a whole number."),
        ({"limit": 2**31}, "is too large"),
        ({"kind": "teleport"}, "is no kind of act"),
        ({"window": "year"}, "Limits count per day or per hour."),
        ({"network": "sandbox"}, "for one account or for one network"),
        ({"account": None}, "for one account or for one network"),
        ({"account": None, "network": "myspace"}, "is not a network"),
    ],
)
def test_set_limit_refuses_and_writes_nothing(
    wrong: dict[str, Any], message: str, recorder: Recorder
) -> None:
    values = {"account": make_account(), "kind": "dm", "limit": 5, "by": "ann", **wrong}
    with pytest.raises(ValidationError) as refusal:
        services.set_limit(**values)
    assert message in refusal.value.messages[0]
    assert not Limit.objects.exists()
    assert not recorder.events


def test_remove_limit_removes_that_limit_only(recorder: Recorder) -> None:
    account = make_account()
    services.set_limit(account=account, kind="dm", limit=5, by="ann")
    services.set_limit(account=make_account(), kind="dm", limit=5, by="ann")
    services.set_limit(network="sandbox", kind="dm", limit=5, by="ann")
    assert services.remove_limit(account=account, kind="dm", by="ann") is True
    assert services.remove_limit(account=account, kind="dm", by="ann") is False
    assert Limit.objects.count() == 2
    assert len(recorder.events) == 4
    assert services.remove_limit(network="sandbox", kind="dm", by="ann") is True
    with pytest.raises(ValidationError, match="for one account or for one network"):
        services.remove_limit(kind="dm", by="ann")


def test_start_warm_up_makes_an_active_account_warm_up_and_ending_it_active(recorder: Recorder) -> None:
    account = make_account()
    services.start_warm_up(account=account, kind="dm", by="ann", start=2, step=3, ceiling=10, at=NOON)
    assert account.status == AccountStatus.WARMING_UP
    assert [event.name for event in recorder.events] == ["account.status_changed", "account.limits_changed"]
    services.end_warm_up(account=account, kind="dm", by="ann", at=NOON)
    assert account.status == AccountStatus.ACTIVE
    assert not WarmUp.objects.exists()


def test_start_warm_up_leaves_a_pending_account_pending_and_begins_a_known_ramp_anew() -> None:
    account = make_account(status=AccountStatus.PENDING, verified_at=None)
    services.start_warm_up(account=account, kind="dm", by="ann", at=NOON - 9 * DAY)
    services.pause_warm_up(account=account, kind="dm", by="ann", at=NOON)
    ramp = services.start_warm_up(account=account, kind="dm", by="ann", at=NOON)
    assert (ramp.started_on, ramp.paused_on, ramp.paused_days) == (NOON.date(), None, 0)
    assert account.status == AccountStatus.PENDING


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"start": -1}, "start"),
        ({"step": -1}, "step"),
        ({"ceiling": "many"}, "ceiling"),
        ({"start": 9, "ceiling": 8}, "ceiling"),
        ({"kind": "teleport"}, "kind"),
    ],
)
def test_start_warm_up_refuses_by_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        services.start_warm_up(**{"account": make_account(), "kind": "dm", "by": "ann", **wrong})
    assert list(refusal.value.message_dict) == [field]
    assert not WarmUp.objects.exists()


def test_pausing_keeps_the_ramp_where_it_stood() -> None:
    account = make_account()
    services.start_warm_up(account=account, kind="dm", by="ann", start=5, step=2, ceiling=50, at=NOON)
    services.pause_warm_up(account=account, kind="dm", by="ann", at=NOON + 3 * DAY)
    ramp = services.pause_warm_up(account=account, kind="dm", by="ann", at=NOON + 5 * DAY)
    assert [ramp.limit_on((NOON + days * DAY).date()) for days in (2, 3, 9)] == [9, 11, 11]
    ramp = services.resume_warm_up(account=account, kind="dm", by="ann", at=NOON + 10 * DAY)
    ramp = services.resume_warm_up(account=account, kind="dm", by="ann", at=NOON + 11 * DAY)
    ramp.refresh_from_db()
    assert ramp.paused_days == 7
    assert [ramp.limit_on((NOON + days * DAY).date()) for days in (10, 11)] == [11, 13]
    services.pause_warm_up(account=account, kind="dm", by="ann", at=NOON + 12 * DAY)
    ramp = services.resume_warm_up(account=account, kind="dm", by="ann", at=NOON + 13 * DAY)
    assert ramp.limit_on((NOON + 13 * DAY).date()) == 15


@pytest.mark.parametrize("service", [services.pause_warm_up, services.resume_warm_up, services.end_warm_up])
def test_warm_ups_that_do_not_exist_are_refused(service: Any) -> None:
    with pytest.raises(ValidationError, match="has no warm-up of dm"):
        service(account=make_account(), kind="dm", by="ann")


def test_purge_allowances_keeps_open_and_recent_windows() -> None:
    now = timezone.now()
    for age in (400, 10, 4, 2, -1):
        Allowance.objects.create(
            owner=f"account:{age}",
            kind="dm",
            window="day",
            window_key=str(age),
            closes_at=now - age * DAY,
            limit=1,
        )
    assert services.purge_allowances(before=now - 30 * DAY) == 1
    assert services.purge_allowances(before=now + 30 * DAY, batch=1) == 2
    assert set(Allowance.objects.values_list("owner", flat=True)) == {"account:2", "account:-1"}
