from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.enums import WindowUnit
from accounts.models import Account
from accounts.windows import local_date, next_midnight, window_at

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
ZONES = sorted(zoneinfo.available_timezones())


def account_in(zone: str, then: str = "", moves_at: datetime | None = None) -> Account:
    return Account(time_zone=zone, next_time_zone=then, next_time_zone_at=moves_at)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "key", "hours"),
    [
        ("UTC", "2026-11-22T12:00", "2026-11-22", 24),
        ("Europe/Berlin", "2026-03-29T12:00", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25T12:00", "2026-10-25", 25),
        ("Asia/Kolkata", "2026-11-22T20:00", "2026-11-23", 24),
        ("Australia/Lord_Howe", "2026-04-05T00:00", "2026-04-05", 24.5),
        ("Africa/Cairo", "2026-04-24T12:00", "2026-04-24", 23),  # begins at 01:00
        ("Pacific/Kiritimati", "2026-11-22T12:00", "2026-11-23", 24),  # UTC+14
        ("Etc/GMT+12", "2026-11-22T11:59", "2026-11-21", 24),  # UTC-12
    ],
)
def test_day_is_the_local_date_and_as_long_as_the_clocks_make_it(
    zone: str, at: str, key: str, hours: float
) -> None:
    window = window_at(account_in(zone), WindowUnit.DAY, utc(at))
    assert window.key == key
    assert window.closes_at - window.opens_at == hours * HOUR


def test_hour_is_named_by_the_instant_its_local_hour_began() -> None:
    at = utc("2026-11-22T05:45")
    assert window_at(account_in("UTC"), WindowUnit.HOUR, at).key == "2026-11-22T05:00Z"
    assert window_at(account_in("Asia/Kolkata"), WindowUnit.HOUR, at).key == "2026-11-22T05:30Z"
    assert window_at(account_in("Asia/Kathmandu"), WindowUnit.HOUR, at).key == "2026-11-22T05:15Z"


def test_the_hour_clocks_repeat_is_two_hours_of_one_day() -> None:
    berlin = account_in("Europe/Berlin")
    first, second = utc("2026-10-25T00:30"), utc("2026-10-25T01:30")  # both 02:30 in Berlin
    zone = ZoneInfo("Europe/Berlin")
    assert first.astimezone(zone).time() == second.astimezone(zone).time()
    assert window_at(berlin, WindowUnit.HOUR, first).key == "2026-10-25T00:00Z"
    assert window_at(berlin, WindowUnit.HOUR, second).key == "2026-10-25T01:00Z"
    assert {window_at(berlin, WindowUnit.DAY, at).key for at in (first, second)} == {"2026-10-25"}


def test_a_half_hour_shift_makes_one_hour_of_ninety_minutes() -> None:
    lord_howe = account_in("Australia/Lord_Howe")
    # At 02:00 (+11, 15:00Z) clocks go back to 01:30: everything from 01:00 to the second 02:00 is one window.
    window = window_at(lord_howe, WindowUnit.HOUR, utc("2026-04-04T15:10"))
    assert (window.opens_at, window.closes_at) == (utc("2026-04-04T14:00"), utc("2026-04-04T15:30"))
    assert window_at(lord_howe, WindowUnit.HOUR, utc("2026-04-04T14:10")) == window


instants = st.integers(0, 26 * 365 * 24 * 3600).map(
    lambda second: utc("2012-01-01") + timedelta(seconds=second)
)


@settings(max_examples=600, deadline=None)
@given(zone=st.sampled_from(ZONES), at=instants, unit=st.sampled_from(WindowUnit.values))
@example(zone="Australia/Lord_Howe", at=utc("2026-10-03T15:40"), unit="hour")
@example(zone="Africa/Cairo", at=utc("2026-10-29T21:30"), unit="day")
@example(zone="America/Havana", at=utc("2026-11-01T04:30"), unit="day")
@example(zone="America/Nuuk", at=utc("2026-10-25T00:30"), unit="day")
def test_windows_meet_without_gap_or_overlap(zone: str, at: datetime, unit: str) -> None:
    account = account_in(zone)
    window = window_at(account, unit, at)
    assert window.opens_at <= at < window.closes_at
    for inside in (window.opens_at, window.closes_at - TICK):
        assert window_at(account, unit, inside) == window
    for outside in (window.opens_at - TICK, window.closes_at):
        assert window_at(account, unit, outside).key != window.key


@settings(max_examples=400, deadline=None)
@given(zone=st.sampled_from(ZONES), at=instants)
def test_next_midnight_begins_a_later_date(zone: str, at: datetime) -> None:
    midnight = next_midnight(ZoneInfo(zone), at)
    before, after = ((midnight - TICK).astimezone(ZoneInfo(zone)), midnight.astimezone(ZoneInfo(zone)))
    assert midnight > at
    assert at.astimezone(ZoneInfo(zone)).date() == before.date() < after.date()


def test_next_midnight_at_midnight_is_a_day_later() -> None:
    assert next_midnight(ZoneInfo("UTC"), utc("2026-11-22T00:00")) == utc("2026-11-23T00:00")


def test_next_midnight_where_it_comes_twice_is_the_one_still_ahead() -> None:
    # St. John's set clocks back from 00:01 to 23:01 in 2010: 7 November began twice.
    zone = ZoneInfo("America/St_Johns")
    assert next_midnight(zone, utc("2010-11-07T02:00")) == utc("2010-11-07T02:30")
    assert next_midnight(zone, utc("2010-11-07T02:45")) == utc("2010-11-07T03:30")


def test_a_move_west_goes_on_in_the_same_date() -> None:
    moves_at = utc("2026-11-22T15:00")  # midnight in Tokyo, 10:00 of the 22nd in New York
    account = account_in("Asia/Tokyo", "America/New_York", moves_at)
    before = window_at(account, WindowUnit.DAY, moves_at - TICK)
    after = window_at(account, WindowUnit.DAY, moves_at)
    assert before.key == after.key == "2026-11-22"
    assert before.closes_at == after.closes_at == utc("2026-11-23T05:00")


def test_a_move_east_begins_the_new_date_at_the_old_midnight() -> None:
    moves_at = utc("2026-11-23T05:00")  # midnight in New York, 14:00 of the 23rd in Tokyo
    account = account_in("America/New_York", "Asia/Tokyo", moves_at)
    before = window_at(account, WindowUnit.DAY, moves_at - TICK)
    after = window_at(account, WindowUnit.DAY, moves_at)
    assert (before.key, before.closes_at) == ("2026-11-22", moves_at)
    assert (after.key, after.closes_at) == ("2026-11-23", utc("2026-11-23T15:00"))


def test_local_date_follows_the_account() -> None:
    at = utc("2026-11-22T12:00")
    assert local_date(account_in("Pacific/Kiritimati"), at).isoformat() == "2026-11-23"
    assert local_date(account_in("Etc/GMT+12"), at).isoformat() == "2026-11-22"
    assert local_date(account_in("Etc/GMT+12"), at - TICK).isoformat() == "2026-11-21"
