"""CHECKS 8 on every network we speak to: each one's server swallows, slows down, fails, answers by halves, forgets tokens.

What must hold is the same everywhere; what follows from it differs. Where a network can prove that an act was not taken,
the act is tried again, six times at most; where it cannot, a person is asked after the first.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import connections

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.engine import drain, lanes, tasks
from automation.engine.logins import login_of
from automation.engine.tasks import NewTask
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Lane, Task
from automation.models.acting import TaskQuerySet
from outreach.lib import clock
from tests.chaos.harness import Result, Scene, main, percentile, say, scene, until, wipe
from tests.chaos.network import WELL, throughput, waits
from tests.chaos.running import Up
from tests.chaos.stand import Stand
from tests.chaos.stands import STANDS

BREAKER = 5  # failures in a row
DEADLINE = 10.0  # seconds a call to a server that says nothing may take
MOST_TRIES = 6
IN_STEP = 0.02  # a quarter of a gap is chance, so all gaps differ by less about once in 40,000 times
WORKERS = 8
READS = ("bluesky", "mastodon", "x", "instagram")  # that have profiles to read
LONG_AGO = timedelta(hours=1)


class Hands:
    """Drains in this process, one after the other, instead of a running installation."""

    def __enter__(self) -> Hands:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                drain.drain()
        finally:
            connections.close_all()


def check(sends: int = 300, only: str = "") -> Result:
    """Every network, or those named in ``only``; ``sends`` messages of another network pass beside each black hole."""
    result = Result()
    for name in only.split(",") if only else STANDS:
        say(f"{name} ...")
        found = Result()
        black_hole(name, sends, found)
        wipe()
        with STANDS[name]() as stand, Up(RETRY_BASE_SECONDS=0.2, BREAKER_SECONDS=1):
            faults(stand, found)
        result.figures[name] = found.figures
        result.wrong += [f"{name}: {sentence}" for sentence in found.wrong]
    return result


# --- The network swallows everything ---------------------------------------------------------------------------------
def black_hole(name: str, sends: int, result: Result) -> None:
    """All accounts of a network hang; the sandbox network beside it must not notice."""
    with (
        scene(accounts=WELL) as stage,
        STANDS[name]() as stand,
        Up(BREAKER_SECONDS=120, LANE_LEASE_SECONDS=4),
    ):
        throughput(stage, stage.accounts, 5 * WELL)  # the workers' first connections
        alone = max(throughput(stage, stage.accounts, sends) for _ in range(2))
        began = swallow(stand)
        tasks.add_many(stand.tasks(stand.accounts, 20))
        until(lambda: _hanging(stand) == len(stand.accounts), within=10)
        beside, waited = _beside(stage, sends)
        swallowed(stand, result, began, within=30)
        result.figures |= {
            "alone_per_s": round(alone, 1), "beside_per_s": round(beside, 1), "p95_wait": round(waited, 2),
        }  # fmt: skip
        result.holds(beside > 0.8 * alone, f"others at 80 % of their speed ({beside / alone:.0%})")
        result.holds(waited < 5, f"others' p95 wait under 5 s ({waited:.1f})")


def _beside(stage: Scene, sends: int) -> tuple[float, float]:
    speed = max(throughput(stage, stage.accounts, sends) for _ in range(2))
    return speed, percentile(waits(stage.accounts, sends), 0.95)


def swallow(stand: Stand) -> datetime:
    """From now on nothing is answered; says when that began."""
    began = clock.database_now()
    stand.black_hole()
    return began


def swallowed(stand: Stand, result: Result, began: datetime, *, within: float) -> None:
    """Wait for the breakers: how long callers hung, and how often they were let hang. ``within`` on top of the deadlines."""
    took = until(lambda: opened(stand) == len(stand.accounts), within=BREAKER * DEADLINE + within)
    result.holds(took is not None, f"every breaker opened ({opened(stand)} of {len(stand.accounts)})")
    made = [calls(account, began) for account in stand.accounts]
    longest = max(stand.held(), default=0.0)
    result.figures |= {"hole_calls": max(made), "longest_call": round(longest, 1)}
    # Fewer acts where questions about unclear ones hung as well: those count towards the breaker, too.
    result.holds(
        max(made) <= BREAKER, f"at most {BREAKER} calls of a lane before its breaker opened ({max(made)})"
    )
    result.holds(longest < DEADLINE + 0.5, f"no call beyond {DEADLINE:.0f} s ({longest:.1f})")
    _nothing_sent_twice(stand, result)


def _hanging(stand: Stand) -> int:
    return Attempt.objects.filter(task__lane__account__in=stand.accounts, state=AttemptState.STARTED).count()


def opened(stand: Stand) -> int:
    return Lane.objects.filter(account__in=stand.accounts, breaker_opened_at__isnull=False).count()


def calls(account: Account, since: datetime) -> int:
    """Those that were made: an attempt whose start took too long is given up without one. Reading its inbox counts as well."""
    started = Attempt.objects.filter(task__lane__account=account, started_at__gte=since)
    return started.exclude(state=AttemptState.ABANDONED).count()


# --- The network answers, and badly ----------------------------------------------------------------------------------
def faults(stand: Stand, result: Result) -> None:
    """Every other fault, each on accounts of its own."""
    if stand.names_waits:
        _slow_down(stand, stand.accounts[:2], result)
    _server_errors(stand, stand.accounts[2:5], result)
    if stand.network in READS:
        _failing_reads(stand, stand.accounts[5:8], result)
    _half_answers(stand, stand.accounts[8:10], result)
    stand.calm()
    _expired(stand, stand.accounts[:WORKERS], result)
    _nothing_sent_twice(stand, result)


def _slow_down(stand: Stand, told: Sequence[Account], result: Result) -> None:
    """429 with seconds and with a date: nothing of the account comes before its time."""
    for account, as_date in zip(told, (False, True), strict=True):
        stand.slow_down(account, seconds=2, as_date=as_date, count=2)
    mine = _queue(stand.tasks(told, 3))
    _settle(mine, result, "slowed down")
    result.zero(early=stand.early())
    result.holds(mine.filter(state=TaskState.COMPLETED).count() == 6, "everything sent after slowing down")


def _server_errors(stand: Stand, failing: Sequence[Account], result: Result) -> None:
    """5xx for as long as anybody asks: at most six tries of an act, and not in step."""
    for account in failing:
        stand.fail(account)
    mine = _queue(stand.tasks(failing, 1))
    _settle(mine, result, "failing")
    tries = [times for account in failing for times in stand.tries(account).values()]
    most = max(map(len, tries))
    parked = mine.filter(state=TaskState.UNKNOWN, due_at__isnull=True).count()
    exhausted = mine.filter(state=TaskState.FAILED, reason=Reason.EXHAUSTED).count()
    result.figures |= {"failing_tries": most, "failing_parked": parked, "failing_given_up": exhausted}
    result.holds(most <= MOST_TRIES, f"at most {MOST_TRIES} tries ({most})")
    result.holds(parked + exhausted == len(failing), f"given up or parked ({parked} + {exhausted})")
    result.holds(not parked or most == 1, "what is parked was tried once")
    if exhausted:
        result.holds(most == MOST_TRIES, f"given up after {MOST_TRIES} tries ({most})")


def _failing_reads(stand: Stand, failing: Sequence[Account], result: Result) -> None:
    """5xx to readings, which may be repeated: six tries, later and later, and not in step."""
    for account in failing:
        stand.gate.fault(stand.who(account), status=503, reads=True)
    reading = [
        NewTask(
            account_id=account.pk, kind=ActionKind.FETCH_PROFILE, dedupe_key=f"read:{account.pk}", profile=stand.person
        )
        for account in failing
    ]  # fmt: skip
    _settle(_queue(reading), result, "failing reads")
    names = [stand.who(account) for account in failing]
    times = [[one.at for one in stand.gate.seen if one.who == name and one.status == 503] for name in names]
    spread = _spread(times)
    result.figures |= {"reading_tries": max(map(len, times)), "gap_spread": round(spread, 3)}
    result.holds(all(len(asked) == MOST_TRIES for asked in times), f"{MOST_TRIES} tries of each reading")
    result.holds(spread > IN_STEP, "tries of different accounts are not in step")


def _spread(times: Sequence[Sequence[float]]) -> float:
    """How far the gaps before the second, third ... tries differ between accounts at most, as a share of the gap."""
    gaps = zip(*([later - one for one, later in pairwise(asked)] for asked in times), strict=False)
    return max((statistics.pstdev(some) / statistics.mean(some) for some in gaps), default=0.0)


def _half_answers(stand: Stand, halved: Sequence[Account], result: Result) -> None:
    """A 200 with half a body: unclear, asked about, never tried again."""
    for account in halved:
        stand.halve(account, count=3)
    before = stand.taken()
    mine = _queue(stand.tasks(halved, 3))
    _settle(mine, result, "half answers")
    proved = mine.filter(state=TaskState.COMPLETED).count()
    parked = mine.filter(state=TaskState.UNKNOWN, reason=Reason.PARKED, due_at__isnull=True).count()
    result.figures |= {"halved": 6, "halved_proved": proved, "halved_parked": parked}
    result.zero(halved_sent_again=stand.taken() - before - 6)
    result.holds(proved + parked == 6, f"each half answer proved or parked ({proved} + {parked})")


def _expired(stand: Stand, used: Sequence[Account], result: Result) -> None:
    """Tokens end under eight lanes at once, then one under eight workers."""
    _settle(_queue(stand.tasks(used, 1)), result, "before tokens end")  # all are signed in
    for account in used:
        stand.expire(account)
    renewed = stand.refreshes()
    mine = _queue(stand.tasks(used, 3))
    if stand.renews:
        _settle(mine, result, "expired")
        renewed = stand.refreshes() - renewed
        result.figures |= {"renewed": renewed, "renewed_in_a_race": _race(stand, used[0])}
        result.holds(renewed == len(used), f"one renewal for each of {len(used)} tokens ({renewed})")
        result.holds(result.figures["renewed_in_a_race"] == 1, "one renewal for a token of eight workers")
    else:
        _connect_again(stand, used, mine, result)
    done = mine.filter(state=TaskState.COMPLETED).count()
    result.holds(done == 3 * len(used), f"everything sent after tokens ended ({done})")


def _connect_again(stand: Stand, refused: Sequence[Account], mine: TaskQuerySet, result: Result) -> None:
    """A token that only a person can replace: every account says so once, asks nobody again, and goes on when connected."""
    errors = Account.objects.filter(pk__in=[one.pk for one in refused], status=AccountStatus.ERROR)
    noticed = until(lambda: errors.count() == len(refused), within=30)
    result.holds(noticed is not None, f"every account without a token says so ({errors.count()})")
    before = sum(map(stand.refused, refused))
    time.sleep(2)
    again = sum(map(stand.refused, refused)) - before
    result.figures["asked_with_ended_token"] = before
    result.holds(before == len(refused), f"one request for each ended token ({before})")
    result.zero(asked_again_with_ended_token=again)
    stand.calm(refused)
    for account in refused:
        account.refresh_from_db()
        accounts.resume(account=account, by="check")
    _settle(mine, result, "connected again")


def _race(stand: Stand, account: Account) -> int:
    """Renewals when eight workers find the same token ended at the same moment."""
    stand.expire(account)
    before, together = stand.refreshes(), threading.Barrier(WORKERS)
    stale = login_of(Account.objects.select_related("credential").get(pk=account.pk))

    def use(_: int) -> None:
        channel = registry.open_channel(stand.network, stale)
        together.wait(30)
        try:
            channel.verify()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(use, range(WORKERS)))
    return stand.refreshes() - before


# --- Below -----------------------------------------------------------------------------------------------------------
def _queue(new: Sequence[NewTask]) -> TaskQuerySet:
    tasks.add_many(new)
    return Task.objects.filter(dedupe_key__in=[task.dedupe_key for task in new])


def _settle(mine: TaskQuerySet, result: Result, what: str, *, within: float = 90.0) -> None:
    """Wait until each of these is finished or parked; what waits for a network to settle does not wait."""

    def settled() -> bool:
        _hurry()
        return not mine.filter(due_at__isnull=False).exists()

    took = until(settled, within=within)
    left = list(mine.filter(due_at__isnull=False).values_list("state", "reason", "detail")[:3])
    result.holds(took is not None, f"{what}: settled within {within:.0f} s (open: {left})")


def _hurry() -> None:
    """Let the time pass in which a network may still carry out an unclear act."""
    unclear = Task.objects.filter(state=TaskState.UNKNOWN, due_at__isnull=False)
    now: Callable[[], object] = clock.database_now
    late = unclear.filter(due_at__gt=now(), attempts__state=AttemptState.UNKNOWN)
    ids = list(late.values_list("pk", "lane_id").distinct())
    if ids:
        waiting = [pk for pk, _ in ids]
        Attempt.objects.filter(task__in=waiting).update(deadline=clock.database_now() - LONG_AGO)
        Task.objects.filter(pk__in=waiting, state=TaskState.UNKNOWN).update(due_at=clock.database_now())
        lanes.rouse([lane for _, lane in ids])


def _nothing_sent_twice(stand: Stand, result: Result) -> None:
    result.zero(copies=stand.copies())


if __name__ == "__main__":
    main(__doc__, check, sends=300, only="")
