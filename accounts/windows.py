"""The windows limits count in: an account's local days and hours.

A window is named by a key and never reset. A day is named by its local date, so a day of 23 or 25 hours is
one window, and a date that a westward move of the account makes longer goes on in its own counter. An hour is
named by the instant it began, so the hour that clocks repeat in autumn is two windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.enums import WindowUnit
from accounts.models import Account

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """One window. ``opens_at`` and ``closes_at`` are UTC; at ``closes_at`` another window counts."""

    unit: str
    key: str
    opens_at: datetime
    closes_at: datetime


def window_at(account: Account, unit: str, at: datetime) -> Window:
    """The window of ``unit`` that counts for ``account`` at the instant ``at`` (aware)."""
    at = at.astimezone(UTC)
    key, opens_at = _key_and_start(account, unit, at)
    closes_at = _next_boundary(account, unit, at)
    # Clocks that jump within an hour and accounts that move west pass a boundary and stay in their window.
    while _key_and_start(account, unit, closes_at)[0] == key:
        closes_at = _next_boundary(account, unit, closes_at)
    return Window(unit, key, opens_at, closes_at)


def local_date(account: Account, at: datetime) -> date:
    """The date on the account's calendar at ``at``."""
    return at.astimezone(account.zone_at(at)).date()


def next_midnight(zone: ZoneInfo, at: datetime) -> datetime:
    """The first instant (UTC) after ``at`` at which a local day begins, also where clocks skip midnight."""
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    midnight = _day_start(zone, tomorrow)
    if midnight > at:
        return midnight
    return _day_start(zone, tomorrow, fold=1)  # clocks were put back over midnight and it comes a second time


def _key_and_start(account: Account, unit: str, at: datetime) -> tuple[str, datetime]:
    zone = account.zone_at(at)
    if unit == WindowUnit.HOUR:
        start = _hour_start(zone, at)
        return f"{start:%Y-%m-%dT%H:%MZ}", start
    day = at.astimezone(zone).date()
    return day.isoformat(), _day_start(zone, day)


def _next_boundary(account: Account, unit: str, at: datetime) -> datetime:
    """The next instant (UTC) at which the clock strikes or the account's zone changes."""
    zone = account.zone_at(at)
    boundary = _strike(zone, at) + HOUR if unit == WindowUnit.HOUR else next_midnight(zone, at)
    moves_at = account.next_time_zone_at if account.next_time_zone else None
    return moves_at.astimezone(UTC) if moves_at and at < moves_at < boundary else boundary


def _day_start(zone: ZoneInfo, day: date, fold: int = 0) -> datetime:
    return datetime.combine(day, time(fold=fold), zone).astimezone(UTC)


def _strike(zone: ZoneInfo, at: datetime) -> datetime:
    """When the hand that shows ``at`` last stood, or would have stood, at the full hour."""
    local = at.astimezone(zone)
    return at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _hour_start(zone: ZoneInfo, at: datetime) -> datetime:
    """When the local hour began. Clocks that jump by half an hour make one hour of 90 minutes."""
    return _strike(zone, _strike(zone, at))
