"""Limits on the calendar: long and short days, moved time zones, ramps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import WindowUnit
from accounts.limits import Book, Cap, Demand, Grant, reserve
from accounts.models import Account, Allowance, Limit, WarmUp
from accounts.services import change_time_zone
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def limited(limit: int, *, kind: str = "dm", **fields: object) -> Account:
    account = make_account(**fields)
    Limit.objects.create(account=account, kind=kind, limit=limit)
    return account


def take(account: Account, count: int, at: datetime = NOON, *caps: Cap, kind: str = "dm") -> list[Grant]:
    return reserve(Book.load(account), [Demand(kind, caps)] * count, at)


def granted(grants: list[Grant]) -> int:
    return sum(grant.allowance_ids is not None for grant in grants)


def used(owner: str) -> int:
    return Allowance.objects.get(owner=owner).used


@pytest.mark.parametrize(
    ("zone", "opens", "hours"),
    [
        ("Europe/Berlin", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-24T22:00", 25),
        ("Asia/Kolkata", "2026-11-21T18:30", 24),
        ("Pacific/Kiritimati", "2026-11-21T10:00", 24),
        ("Etc/GMT+12", "2026-11-22T12:00", 24),
    ],
)
def test_a_local_day_gets_one_allowance_however_long_it_is(zone: str, opens: str, hours: int) -> None:
    account = limited(10, time_zone=zone)
    opens_at = datetime.fromisoformat(opens).replace(tzinfo=UTC)
    per_hour = [granted(take(account, 1, opens_at + HOUR * hour)) for hour in range(hours)]
    assert sum(per_hour) == 10
    assert granted(take(account, 1, opens_at - HOUR)) == 1  # the day before
    assert granted(take(account, 1, opens_at + HOUR * hours)) == 1  # the day after


def test_the_repeated_hour_gets_an_hourly_allowance_each_time() -> None:
    account = make_account(time_zone="Europe/Berlin")
    Limit.objects.create(account=account, kind="dm", window=WindowUnit.HOUR, limit=2)
    for at in ("2026-10-25T00:30", "2026-10-25T01:30"):
        assert granted(take(account, 5, datetime.fromisoformat(at).replace(tzinfo=UTC))) == 2


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_zone_edited_at_noon_gives_no_extra_unit(zone: str) -> None:
    account = limited(5, time_zone="Europe/Berlin")
    noon = datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert granted(take(account, 9, noon)) == 5
    change_time_zone(account=account, time_zone=zone, by="test", at=noon)
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert account.next_time_zone_at == midnight
    assert all(granted(take(account, 9, noon + HOUR * hour)) == 0 for hour in range(12))
    # From the old midnight on each date of the new calendar still gets one allowance, those begun before none.
    new_dates = {(midnight + HOUR * hour).astimezone(ZoneInfo(zone)).date() for hour in range(48)}
    taken = sum(granted(take(account, 9, midnight + HOUR * hour)) for hour in range(48))
    assert taken == 5 * len(new_dates - {date(2026, 11, 22)})


def test_a_warm_up_rises_by_local_days_to_its_ceiling() -> None:
    ramp = WarmUp(start=5, step=2, ceiling=10, started_on=date(2026, 11, 1))
    days = [date(2026, 10, 31), *(date(2026, 11, day) for day in range(1, 6))]
    assert [ramp.limit_on(day) for day in days] == [5, 5, 7, 9, 10, 10]


def test_a_paused_warm_up_stands_still_and_goes_on_limiting() -> None:
    ramp = WarmUp(start=5, step=2, ceiling=50, started_on=date(2026, 11, 1), paused_on=date(2026, 11, 3))
    assert ramp.limit_on(date(2026, 11, 2)) == 7
    assert [ramp.limit_on(date(2026, 11, day)) for day in (3, 4, 20)] == [9, 9, 9]
    ramp.paused_on, ramp.paused_days = None, 17
    assert [ramp.limit_on(date(2026, 11, day)) for day in (20, 21)] == [9, 11]


def test_reserve_obeys_the_ramp_on_the_accounts_own_calendar() -> None:
    account = make_account(time_zone="Pacific/Kiritimati")
    WarmUp.objects.create(
        account=account, kind="dm", start=1, step=1, ceiling=9, started_on=date(2026, 11, 22)
    )
    assert granted(take(account, 9, datetime(2026, 11, 22, 9, tzinfo=UTC))) == 1
    assert granted(take(account, 9, datetime(2026, 11, 22, 11, tzinfo=UTC))) == 2  # the 23rd there


# Every offset and every change of one is a multiple of this in the zones and years below.
STEP = timedelta(minutes=15)
MOVES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati",
         "Etc/GMT+12", "Australia/Lord_Howe", "Africa/Cairo"]  # fmt: skip


class Calendar:
    """What the account's calendar shows, worked out by walking the clock; shares no code with the product."""

    def __init__(self, zone: str) -> None:
        self.zone, self.next_zone, self.moves_at = zone, "", datetime.max.replace(tzinfo=UTC)

    def date(self, at: datetime) -> date:
        if at >= self.moves_at:
            self.zone, self.moves_at = self.next_zone, datetime.max.replace(tzinfo=UTC)
        return at.astimezone(ZoneInfo(self.zone)).date()

    def move(self, zone: str, at: datetime) -> None:
        today = self.date(at)
        midnight = at.replace(minute=at.minute // 15 * 15, second=0)
        while midnight <= at or midnight.astimezone(ZoneInfo(self.zone)).date() == today:
            midnight += STEP
        self.next_zone, self.moves_at = zone, midnight


steps = st.lists(
    st.tuples(st.integers(1, 26 * 60), st.one_of(st.integers(1, 6), st.sampled_from(MOVES))),
    min_size=5,
    max_size=30,
)
starts = st.sampled_from([NOON, datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, 5, tzinfo=UTC)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=starts, zone=st.sampled_from(MOVES), steps=steps)
def test_no_local_date_ever_gets_more_than_its_limit(
    start: datetime, zone: str, steps: list[tuple[int, int | str]]
) -> None:
    account, calendar = limited(4, time_zone=zone), Calendar(zone)
    spent: dict[date, int] = {}
    at = start
    for minutes, step in steps:
        at += timedelta(minutes=minutes)
        today = calendar.date(at)
        if isinstance(step, str):
            change_time_zone(account=account, time_zone=step, by="test", at=at)
            calendar.move(step, at)
            continue
        free = 4 - spent.get(today, 0)
        spent[today] = spent.get(today, 0) + granted(take(account, step, at))
        assert spent[today] == 4 - free + min(
            step, free
        )  # never more than the limit, and never less than owed
