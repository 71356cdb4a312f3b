"""CHECKS 8: a black hole, slow-downs, server errors, half answers and an expired token, each in lanes of its own."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from datetime import datetime

from accounts import services as accounts
from accounts.enums import AccountStatus
from accounts.models import Account
from automation.channels.sandbox.control import SeenRequest
from automation.enums import Reason, TaskState
from automation.models import Attempt, Lane
from tests.chaos.harness import Result, Scene, main, percentile, scene, until
from tests.chaos.running import Up

WELL = 5  # accounts of the network that nothing is wrong with
BREAKER = 5  # failures in a row
MOST_TRIES = 6
DEADLINE = {True: 1.0, False: 10.0}  # seconds a call may take, in the short and the full form


def check(sends: int = 400, short: bool = False) -> Result:
    """``sends`` through the healthy lanes, alone and beside two networks that swallow everything."""
    result = Result({"deadline": DEADLINE[short]})
    times = {"SANDBOX_DEADLINE": DEADLINE[short], "BREAKER_SECONDS": 60, "LANE_LEASE_SECONDS": 4}
    with scene(accounts=WELL + 10) as stage, Up(**times) as _:
        _black_hole(stage, sends, result, DEADLINE[short])
    with scene(accounts=18) as stage, Up(RETRY_BASE_SECONDS=0.2, BREAKER_SECONDS=1) as _:
        _slow_down(stage, stage.accounts[:4], result)
        _server_errors(stage, stage.accounts[4:8], result)
        _half_answers(stage, stage.accounts[8:10], result)
        _expired(stage, stage.accounts[10:18], result)
        verdict = stage.verdict()
        result.zero(duplicates=verdict.duplicates, counters_off=stage.counters_off())
    return result


def _black_hole(stage: Scene, sends: int, result: Result, deadline: float) -> None:
    well, holes = stage.accounts[:WELL], stage.accounts[WELL:]
    for number, account in enumerate(holes):  # places are shared out by the lane's network: two of them hang
        Lane.objects.filter(account=account).update(network=f"hole-{number % 2}")
        stage.control.fault("black_hole", account=account.handle)
    throughput(stage, well, 5 * WELL)  # the workers' first connections
    alone = throughput(stage, well, sends)
    stage.queue(20 * len(holes), accounts=holes)
    time.sleep(deadline + 1)  # until all of them hang
    beside = throughput(stage, well, sends)
    waited = waits(well, sends)
    opened = until(
        lambda: Lane.objects.filter(account__in=holes, breaker_opened_at__isnull=False).count() == len(holes),
        within=20 * deadline + 40,
    )
    result.holds(opened is not None, "every breaker opened")
    calls = defaultdict(int)
    for seen in stage.control.requests():
        calls[seen.account] += seen.kind == "dm"
    most = max(calls[account.handle] for account in holes)
    result.figures |= {"alone_per_s": round(alone, 1), "beside_per_s": round(beside, 1), "hole_calls": most}
    result.figures["p95_wait"] = round(percentile(waited, 0.95), 2)
    result.holds(most <= BREAKER, f"at most {BREAKER} calls of a lane before its breaker opened ({most})")
    result.holds(beside > 0.8 * alone, f"others at 80 % of their speed ({beside / alone:.0%})")
    result.holds(result.figures["p95_wait"] < 5, "others' p95 wait under 5 s")


def throughput(stage: Scene, senders: list[Account], sends: int) -> float:
    """Messages a second through these lanes."""
    mine = stage.tasks.filter(lane__account__in=senders, state=TaskState.COMPLETED)
    before, began = mine.count(), time.monotonic()
    stage.queue(sends, accounts=senders)
    until(lambda: mine.count() >= before + sends, within=120, every=0.02)
    return sends / (time.monotonic() - began)


def waits(senders: list[Account], sends: int) -> list[float]:
    """Seconds from being written to being started, of the latest ``sends``."""
    rows = Attempt.objects.filter(task__lane__account__in=senders, number=1).order_by("-id")[:sends]
    return [
        (at - written).total_seconds()
        for at, written in rows.values_list("started_at", "task__created_at")
        if at
    ]


def _slow_down(stage: Scene, told: list[Account], result: Result) -> None:
    """429 with seconds and with a date: nothing of the account comes before its time."""
    for number, account in enumerate(told):
        stage.control.fault(
            "rate_limit",
            kind="dm",
            account=account.handle,
            retry_after=2,
            as_date=number % 2 == 1,
            count=3,
            skip=2,
        )
    stage.queue(10 * len(told), accounts=told)
    _finish(stage, told, result)
    handles = {account.handle for account in told}
    result.zero(early=sum(seen.early for seen in stage.control.requests() if seen.account in handles))


def _server_errors(stage: Scene, failing: list[Account], result: Result) -> None:
    """5xx for as long as anybody asks: at most six tries each, and not in step."""
    for account in failing:
        stage.control.fault("error", kind="dm", account=account.handle, status=503)
    stage.queue(len(failing), accounts=failing)  # one message each, so that a lane's requests are its tries
    _finish(stage, failing, result)
    tries: dict[str, list[datetime]] = defaultdict(list)
    for seen in stage.control.requests():
        if seen.account in {account.handle for account in failing} and seen.kind == "dm":
            tries[seen.account].append(seen.at)
    most = max(len(times) for times in tries.values())
    # Between first and second try: later gaps may be the breaker's.
    gaps = [(times[1] - times[0]).total_seconds() for times in tries.values()]
    failed = Account.objects.filter(
        pk__in=[one.pk for one in failing], lane__tasks__reason=Reason.EXHAUSTED
    ).count()
    result.figures |= {"tries": most, "gap_spread": round(statistics.pstdev(gaps), 3)}
    result.holds(most <= MOST_TRIES, f"at most {MOST_TRIES} tries ({most})")
    result.holds(failed == len(failing), f"given up after that ({failed} of {len(failing)})")
    result.holds(statistics.pstdev(gaps) > 0.001, "tries of different lanes are not in step")


def _half_answers(stage: Scene, halved: list[Account], result: Result) -> None:
    """A 200 with half a body: unclear, asked about, never tried again."""
    for account, fault in zip(halved, ("garble", "truncate"), strict=True):
        stage.control.fault(fault, kind="dm", account=account.handle, count=4)
    stage.queue(8, accounts=halved)
    _finish(stage, halved, result)
    result.zero(half_answers_retried=len(_acts(stage, halved)) - 8)


def _expired(stage: Scene, refused: list[Account], result: Result) -> None:
    """The token expires under eight lanes: each account asks once, says so, and goes on when it is connected again."""
    for account in refused:
        stage.control.expire(account.handle)
    stage.queue(4 * len(refused), accounts=refused)
    errors = Account.objects.filter(pk__in=[one.pk for one in refused], status=AccountStatus.ERROR)
    noticed = until(lambda: errors.count() == len(refused), within=30)
    result.holds(noticed is not None, "every account whose token expired says so")
    before = _refusals(stage)
    time.sleep(2)
    result.figures["asked_with_expired_token"] = before
    result.holds(before <= len(refused), f"one request for each expired token ({before})")
    result.zero(asked_again_with_expired_token=_refusals(stage) - before)
    for account in refused:
        stage.control.restore(account.handle)
        account.refresh_from_db()
        accounts.resume(account=account, by="check")
    _finish(stage, refused, result)
    result.holds(len(_acts(stage, refused)) == 4 * len(refused), "all sent once connected again")


def _refusals(stage: Scene) -> int:
    return sum(seen.status == 401 for seen in stage.control.requests())


def _acts(stage: Scene, senders: list[Account]) -> list[SeenRequest]:
    handles = {account.handle for account in senders}
    return [seen for seen in stage.control.requests() if seen.account in handles and seen.kind == "dm"]


def _finish(stage: Scene, senders: list[Account], result: Result) -> None:
    mine = Scene(stage.network, senders, stage.profiles)
    settled = until(mine.settled, within=90)
    result.holds(settled is not None, f"settled within 90 s ({mine.open()} open)")


if __name__ == "__main__":
    main(__doc__, check, sends=400, short=False)
