"""CHECKS 14: Chromium, its driver and the workers killed while accounts act in it: nothing twice, no orphan, no mix-up.

Accounts of a site without an API publish (critical) and write messages (low) through ``manage.py up`` and a real
Chromium, while something of the browser is killed again and again. The site's ledger judges. Then many acts in a row
without any kill: what the browser's processes hold must stay what it was.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.models import Min
from django.db.models.functions import Now

from accounts.enums import ActionKind
from automation.browser import performing, work
from automation.browser.pool import pool
from automation.browser.work import BrowserError, Job, Urgency
from automation.browsing import slots
from automation.enums import TaskState
from automation.models import Attempt, BrowserSlot, Task
from tests.chaos import browser_processes as processes
from tests.chaos.browser_site import KINDS, Site, ours, site
from tests.chaos.harness import Result, main, patiently, percentile, say, until
from tests.chaos.running import Up, send, title

CRITICAL_WITHIN = 60.0
AGAIN_WITHIN = 15.0
MEMORY = 1.2
LOW_SHARE = 0.4  # of all acts are low ones that wait whenever a critical one comes: 200 of 500


def check(
    accounts: int = 20, acts: int = 500, kills: int = 50, memory_acts: int = 2000, minutes: float = 30.0
) -> Result:
    """Queue ``acts``, kill ``kills`` times meanwhile, judge; then ``memory_acts`` in a row."""
    result = Result()
    with site(accounts) as stage, _home() as home:
        with Up() as up:
            if acts:
                _mayhem(stage, up, result, acts, kills, minutes * 60)
            if memory_acts:
                _endurance(stage, result, memory_acts)
        left = [one for one in processes.ours(home) if one.pid != os.getpid()]
        pool().close()
        until(lambda: not processes.ours(home), within=5.0)
        for one in left:
            say(f"  left: {one.pid} {title(one)[:100]}")
        result.zero(orphans=len(processes.ours(home)))
    return result


@contextmanager
def _home() -> Iterator[Path]:
    """A temporary folder for all that is started meanwhile: it tells what is ours, wherever its parents have gone."""
    before = os.environ.get("TMPDIR")
    home = Path(settings.DATA_DIR) / "tmp"
    home.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(home)
    try:
        yield home
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before


# --- Killed while it works -----------------------------------------------------------------------------------
def _mayhem(stage: Site, up: Up, result: Result, acts: int, kills: int, seconds: float) -> None:
    began = time.monotonic()
    queueing = threading.Thread(target=_queue, args=(stage, acts), daemon=True)
    queueing.start()
    until(lambda: stage.arrived() > 0 and _works(stage.network.url), within=180.0)
    again = defaultdict[str, list[float]](list)
    for number in range(kills):
        due = acts * (number + 1) // (kills + 1)
        until(lambda due=due: stage.arrived() >= due, within=60.0, every=0.5)
        if kind := _kill(up):
            took = until(lambda: _works(stage.network.url), within=60.0) or 60.0
            again[kind].append(took)
            say(
                f"  {time.monotonic() - began:.0f} s, {stage.arrived()} acts: {kind} ended, again in {took:.1f} s"
            )
    queueing.join()
    finished = until(stage.settled, within=max(60.0, seconds - (time.monotonic() - began)), every=1.0)
    result.holds(finished is not None, f"all {acts} acts settled within {seconds / 60:.0f} minutes")
    slowest = max(map(max, again.values()), default=0.0)
    result.figures |= {
        "acts": stage.arrived(),
        "kills": {kind: len(times) for kind, times in again.items()},
        "slowest_again_s": round(slowest, 1),
        "slowest_again_by_kind_s": {kind: round(max(times), 1) for kind, times in again.items()},
    }
    result.holds(sum(map(len, again.values())) == kills, f"{kills} kills")
    result.holds(
        slowest <= AGAIN_WITHIN,
        f"the pool is whole again within {AGAIN_WITHIN:.0f} s of a kill",
    )
    result.figures["acts_a_minute"] = round(stage.arrived() * 60 / (time.monotonic() - began), 1)
    _judge(stage, result, acts)


def _queue(stage: Site, acts: int) -> None:
    try:
        stage.queue(acts)
    finally:
        connections.close_all()


def _kill(up: Up) -> str:
    """End one of the browser's processes; its kind, or nothing when none came up within a minute."""
    ends = time.monotonic() + 60.0
    while time.monotonic() < ends:
        victim = processes.victim(up)
        if victim is not None and send(victim[1], signal.SIGKILL):
            return victim[0]
        time.sleep(0.1)
    return ""


def _works(url: str) -> bool:
    """Whether the whole pool is there: a job is done through a worker and Chromium, and no slot is held by the dead."""
    try:
        performing.run(_reading(url), None)
    except BrowserError as error:
        say(f"  not yet: {error}")
        return False
    holders = BrowserSlot.objects.filter(leased_until__gt=Now()).values_list("worker", flat=True)
    return all(map(slots.lives, patiently(lambda: list(holders.all()))))


def _judge(stage: Site, result: Result, acts: int) -> None:
    ledger = [act for act in stage.network.control.ledger() if act.kind in KINDS]
    texts = Counter(act.text for act in ledger)
    mixed = sum(act.account != act.text.partition(" says ")[0] for act in ledger)
    by_state = Counter(ours().values_list("state", flat=True))
    done = ours().filter(state=TaskState.COMPLETED).values_list("payload__text", flat=True)
    parked = ours().filter(state=TaskState.UNKNOWN).values_list("payload__text", flat=True)
    unfinished = sum(
        count for state, count in by_state.items() if state not in (TaskState.COMPLETED, TaskState.UNKNOWN)
    )
    result.zero(
        duplicates=sum(count - 1 for count in texts.values()),
        lost=sum(text not in texts for text in done) + unfinished,
        not_ours=sum(text not in {*done, *parked} for text in texts),
        session_mixups=mixed,
    )
    result.figures |= {
        "parked": dict(Counter(ours().filter(state=TaskState.UNKNOWN).values_list("detail", flat=True))),
        "states": dict(by_state),
        "attempts": dict(Counter(Attempt.objects.filter(task__in=ours()).values_list("state", flat=True))),
    }
    waits = _critical_waits()
    p99 = percentile(waits, 0.99)
    result.figures |= {
        "critical": len(waits),
        "critical_wait_p50_s": round(percentile(waits, 0.5), 2),
        "critical_wait_p99_s": round(p99, 2),
        "low_in_line_meanwhile": stage.least_waiting,
    }
    result.holds(p99 < CRITICAL_WITHIN, f"critical acts start within {CRITICAL_WITHIN:.0f} s")
    result.holds(
        stage.least_waiting >= acts * LOW_SHARE, f"{acts * LOW_SHARE:.0f} low ones in line all the while"
    )
    if unfinished:
        held = Counter(
            ours().with_waiting().exclude(state=TaskState.COMPLETED).values_list("state", "reason", "detail")
        )
        say(f"  open: {held.most_common(8)}")


def _critical_waits() -> list[float]:
    """Seconds from a publication's task to the start of its first attempt."""
    rows = (
        Task.objects.filter(kind=ActionKind.POST, attempts__started_at__isnull=False)
        .annotate(began=Min("attempts__started_at"))
        .values_list("created_at", "began")
    )
    return [(began - created).total_seconds() for created, began in rows]


# --- Many acts in a row -----------------------------------------------------------------------------------------
def _endurance(stage: Site, result: Result, acts: int) -> None:
    """What the browser's processes hold over many acts, as the ratio of the last quarter to the first after warming up."""
    samples: list[float] = []
    # The workers of what was before are idle and end by themselves; they would count as warm.
    until(
        lambda: not any(processes.CHILD in title(one) for one in processes.ours(processes.home())),
        within=120.0,
        every=1.0,
    )
    with ThreadPoolExecutor(4) as threads:
        for number, _ in enumerate(threads.map(_read, [stage.network.url] * acts)):
            if number % max(10, acts // 40) == 0:
                samples.append(processes.held())
                say(f"  {number} acts: {samples[-1]:.0f} MB")
    pool().close()
    ratio = memory_ratio(samples)
    result.figures |= {
        "memory_acts": acts,
        "warm_mb": round(samples[len(samples) // 10], 1),
        "memory_ratio": ratio,
    }
    result.holds(ratio <= MEMORY, f"memory stays within {MEMORY} of warm")


def _read(url: str) -> None:
    try:
        work.perform(_reading(url))
    finally:
        connections.close_all()


def _reading(url: str) -> Job:
    return Job(
        "tests.automation.browser.actions:look", {"url": url}, allowed_hosts=("127.0.0.1",), seconds=40.0,
        urgency=Urgency.HIGH, wait=60.0,
    )  # fmt: skip


def memory_ratio(samples: Sequence[float]) -> float:
    """The median of the last quarter over that of the first, the first tenth left out: that is warming up."""
    warm = list(samples[len(samples) // 10 :]) or list(samples)
    quarter = max(1, len(warm) // 4)
    return round(statistics.median(warm[-quarter:]) / max(1.0, statistics.median(warm[:quarter])), 3)


if __name__ == "__main__":
    main(__doc__, check, accounts=20, acts=500, kills=50, memory_acts=2000, minutes=30.0)
