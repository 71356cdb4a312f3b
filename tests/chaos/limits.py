"""CHECKS 9: limits hold against racers, odd days, wrong clocks, lowered limits, new time zones and campaign caps."""

from __future__ import annotations

import threading
import zoneinfo
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import time_machine
from django.db import connection, transaction

from accounts import services as accounts
from accounts.enums import ActionKind
from accounts.limits import Book, Demand, reserve
from accounts.models import Account, Allowance, Limit
from automation.enums import CampaignStatus
from automation.models import Attempt
from outreach.lib.clock import database_now
from tests.chaos import hands
from tests.chaos.harness import Result, Scene, main, scene, until, wipe
from tests.chaos.running import Up
from tests.factories import make_account, make_campaign

RACERS = 64
LIMIT = 50
# Days of 23 and 25 hours, shifts of half an hour and at midnight, and both ends of the world.
ODD_DAYS = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "America/Havana": (date(2026, 3, 8), date(2026, 11, 1)),
    "Asia/Kolkata": (date(2026, 6, 1), date(2026, 12, 31)),
    "Pacific/Kiritimati": (date(2026, 1, 1), date(2026, 6, 30)),
    "Etc/GMT+12": (date(2026, 1, 1), date(2026, 6, 30)),
}


def check(rounds: int = 100, days: int = 3) -> Result:
    """``rounds`` of racers; ``days`` around each odd one; then each trick against a running installation."""
    result = Result({"rounds": rounds, "racers": RACERS})
    wipe()
    result.zero(race_off=_race(rounds))
    result.zero(days_off=_odd_days(days))
    _wrong_clock(result)
    with scene(accounts=3) as stage, Up(ENGINE_BATCH_SIZE=5) as _:
        _lowered(stage, result)
        _moved(stage, result)
        _campaigns(stage, result)
    return result


def _race(rounds: int) -> int:
    """By how many units all rounds together missed the limit."""
    account = make_account()
    Limit.objects.create(account=account, kind=ActionKind.DM, limit=LIMIT)
    off = 0
    for number in range(rounds):
        at = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)
        together = threading.Barrier(RACERS)

        def racer(_: int, at: datetime = at, together: threading.Barrier = together) -> int:
            try:
                connection.ensure_connection()
                together.wait()
                return _take(account, at)
            finally:
                connection.close()

        with ThreadPoolExecutor(RACERS) as pool:
            off += abs(sum(pool.map(racer, range(RACERS))) - LIMIT)
        off += abs(Allowance.objects.get(window_key=at.date().isoformat()).used - LIMIT)
    return off


def _take(account: Account, at: datetime) -> int:
    with transaction.atomic():
        grants = reserve(Book.load(account), [Demand(ActionKind.DM)], at)
    return sum(grant.allowance_ids is not None for grant in grants)


def _odd_days(days: int) -> int:
    """Ask every 20 minutes around each odd day; by how many units any local day differs from its limit."""
    off = 0
    for zone, dates in ODD_DAYS.items():
        account = make_account(time_zone=zone)
        Limit.objects.create(account=account, kind=ActionKind.DM, limit=3)
        local = zoneinfo.ZoneInfo(zone)
        for day in dates:
            taken: Counter[date] = Counter()
            begin = datetime.combine(day - timedelta(days=1), datetime.min.time(), local).astimezone(UTC)
            for step in range(72 * days):
                at = begin + timedelta(minutes=20 * step)
                taken[at.astimezone(local).date()] += _take(account, at)
            off += sum(max(0, count - 3) for count in taken.values()) + abs(taken[day] - 3)
    return off


def _wrong_clock(result: Result) -> None:
    """Workers whose clocks are two hours off, either way, and a limit by the hour."""
    with scene(accounts=2) as stage:
        for account in stage.accounts:
            stage.limit(account, 5)
        stage.queue(30)
        for hours in (2, -2, 0):
            now = datetime.now(UTC) + timedelta(hours=hours)

            def deed(now: datetime = now) -> None:
                with time_machine.travel(now, tick=True):
                    hands.all_lanes()

            hands.wait_all([hands.fork(deed)])
        verdict = stage.verdict()
        result.zero(wrong_clock_over=verdict.over_limit, wrong_clock_twice=verdict.duplicates)
        result.holds(verdict.delivered == 10, f"10 sent under wrong clocks ({verdict.delivered})")


def _lowered(stage: Scene, result: Result) -> None:
    """From 50 to 20 when 30 are used."""
    account = stage.accounts[0]
    stage.control.fault("delay", kind="dm", seconds=0.05, account=account.handle)
    accounts.set_limit(account=account, kind=ActionKind.DM, limit=50, by="check")
    stage.queue(100, accounts=[account])
    until(
        lambda: Allowance.objects.filter(owner=f"account:{account.pk}", used__gte=30).exists(),
        within=60,
        every=0.02,
    )
    accounts.set_limit(account=account, kind=ActionKind.DM, limit=20, by="check")
    since = database_now()
    result.figures["used_when_lowered"] = Allowance.objects.get(owner=f"account:{account.pk}").used
    until(stage.settled, within=60)
    late = Attempt.objects.filter(task__lane=account.pk, started_at__gt=since).count()
    result.zero(after_lowering=late)


def _moved(stage: Scene, result: Result) -> None:
    """A used-up account moves to another time zone at noon, where it is another day."""
    account = stage.accounts[1]
    accounts.set_limit(account=account, kind=ActionKind.DM, limit=10, by="check")
    stage.queue(20, accounts=[account])
    until(stage.settled, within=60)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kolkata"):
        account.refresh_from_db()
        accounts.change_time_zone(account=account, by="check", time_zone=zone)
        until(lambda: False, within=1.0)
        until(stage.settled, within=30)
    sent = Counter(act.account for act in stage.ledger())[account.handle]
    result.zero(extra_after_moving=abs(sent - 10))


def _campaigns(stage: Scene, result: Result) -> None:
    """Two campaigns with caps of their own on one account."""
    account = stage.accounts[2]
    accounts.set_limit(account=account, kind=ActionKind.DM, limit=100, by="check")
    for cap in (10, 15):
        campaign = make_campaign(daily_limit=cap, status=CampaignStatus.RUNNING)
        stage.queue(30, accounts=[account], campaign=campaign, text=f"Cap {cap}:")
    until(stage.settled, within=60)
    sent = Counter(act.text.partition(":")[0] for act in stage.ledger() if act.account == account.handle)
    result.figures["campaigns"] = dict(sent)
    result.zero(campaigns_off=abs(sent["Cap 10"] - 10) + abs(sent["Cap 15"] - 15))


if __name__ == "__main__":
    main(__doc__, check, rounds=100, days=3)
