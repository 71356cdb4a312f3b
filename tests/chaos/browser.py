"""CHECKS 14: Chromium, its driver and the workers killed while accounts act in it: nothing twice, no orphan, no mix-up.

Accounts of a site without an API publish (critical) and write messages (low) through ``manage.py up`` and a real
Chromium, while something of the browser is killed again and again. The site's ledger judges. Then many acts in a row
without any kill: what the browser's processes hold must stay what it was.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connections
from django.db.models import Min

from accounts.enums import ActionKind
from accounts.models import Account
from automation.browser import work
from automation.browser.pool import pool
from automation.browser.server import proportional
from automation.browser.work import BrowserError, Job, Urgency
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import AttemptState, Priority, Reason, TaskState
from automation.models import Attempt, Task
from automation.models.acting import TaskQuerySet
from leads.models import Person, Profile
from tests.chaos.harness import SILENT, Result, main, patiently, percentile, say, until, wipe, zone_of_noon
from tests.chaos.running import Up, send, title
from tests.factories import make_account, make_lane

CRITICAL_WITHIN = 60.0
AGAIN_WITHIN = 15.0
MEMORY = 1.2
CRITICAL_SHARE = 5  # every fifth act is a publication
CHILD = "automation.browser.child"
KINDS = (ActionKind.DM, ActionKind.POST)


@dataclass(slots=True)
class Site:
    """A site with our accounts on it."""

    network: SandboxProcess
    accounts: list[Account]
    profiles: list[Profile]

    def queue(self, acts: int) -> None:
        """``acts`` messages and publications, spread evenly; each text names its account and is there once."""
        made = [self._task(place) for place in range(acts)]
        low = [task for task in made if task.kind == ActionKind.DM]
        tasks.add_many(low)
        for start in range(0, acts - len(low), len(self.accounts)):
            urgent = [task for task in made if task.kind == ActionKind.POST]
            tasks.add_many(urgent[start : start + len(self.accounts)])
            time.sleep(2.0)  # publications come while the line of messages is long, not all before it

    def _task(self, place: int) -> NewTask:
        account = self.accounts[place % len(self.accounts)]
        turn = place // len(self.accounts)
        is_urgent = turn % CRITICAL_SHARE == 0
        return NewTask(
            account_id=account.pk,
            kind=ActionKind.POST if is_urgent else ActionKind.DM,
            priority=Priority.CRITICAL if is_urgent else Priority.NORMAL,
            dedupe_key=f"browser:{place}",
            profile=None if is_urgent else self.profiles[place % len(self.profiles)],
            payload={"text": f"{account.handle} says {place}"},
        )

    def open(self) -> int:
        """Acts that are neither finished nor parked."""
        waiting = ours().filter(state__in=(TaskState.PENDING, TaskState.RUNNING)).count()
        return waiting + ours().filter(state=TaskState.UNKNOWN, due_at__isnull=False).count()

    def settled(self) -> bool:
        return patiently(self.open) == 0


def ours() -> TaskQuerySet:
    """What was queued here; inboxes are read as well."""
    return Task.objects.filter(kind__in=KINDS)


@contextmanager
def site(accounts: int) -> Iterator[Site]:
    """A fresh network used as a site without an API, and an empty database with accounts that sign in by password."""
    wipe()
    with SandboxProcess(
        Path(settings.DATA_DIR) / "site", accounts=accounts, people=40, shares=SILENT
    ) as network:
        known = network.control.people()
        people = Person.objects.bulk_create(Person(display_name=one.handle) for one in known)
        profiles = Profile.objects.bulk_create(
            Profile(person=person, network="web", handle=one.handle, remote_id=one.handle)
            for person, one in zip(people, known, strict=True)
        )
        owners = []
        for own in network.control.accounts():
            account = make_account(
                network="web", handle=own.handle, server=network.url, remote_id=own.handle,
                secret={"password": own.password}, sending_gap=0, time_zone=zone_of_noon(),
            )  # fmt: skip
            make_lane(account)
            owners.append(account)
        yield Site(network, owners, profiles)


def check(
    accounts: int = 20, acts: int = 500, kills: int = 50, memory_acts: int = 2000, minutes: float = 30.0
) -> Result:
    """Queue ``acts``, kill ``kills`` times meanwhile, judge; then ``memory_acts`` in a row."""
    result = Result()
    home = Path(settings.DATA_DIR) / "tmp"
    home.mkdir()
    with site(accounts) as stage:
        # What the browser starts on this machine is told by its temporary folder, wherever its parents have gone.
        os.environ["TMPDIR"] = str(home)
        with Up() as up:
            if acts:
                _mayhem(stage, up, result, acts, kills, minutes * 60)
            if memory_acts:
                _endurance(stage, result, memory_acts)
        left = [one for one in _ours(home) if one.pid != os.getpid()]
        pool().close()
        until(lambda: not _ours(home), within=5.0)
        for one in left:
            say(f"  left: {one.pid} {title(one)[:100]}")
        result.zero(orphans=len(_ours(home)))
    return result


# --- Killed while it works -----------------------------------------------------------------------------------
def _mayhem(stage: Site, up: Up, result: Result, acts: int, kills: int, seconds: float) -> None:
    began = time.monotonic()
    queueing = threading.Thread(target=_queue, args=(stage, acts))
    queueing.start()
    until(lambda: _arrived(stage) > 0, within=120.0)
    done, slowest = Counter[str](), 0.0
    for number in range(kills):
        until(lambda number=number: _arrived(stage) >= acts * (number + 1) // (kills + 1), within=60.0)
        victim = _victim(up)
        if victim is None or not send(victim[1], signal.SIGKILL):
            continue
        done[victim[0]] += 1
        again = until(lambda: _answers(stage.network.url), within=60.0)
        slowest = max(slowest, again or 60.0)
    queueing.join()
    finished = until(stage.settled, within=max(60.0, seconds - (time.monotonic() - began)), every=1.0)
    result.holds(finished is not None, f"all {acts} acts settled within {seconds / 60:.0f} minutes")
    result.figures |= {
        "acts": _arrived(stage),
        "kills": dict(done),
        "slowest_again_s": round(slowest, 1),
    }
    result.holds(
        slowest <= AGAIN_WITHIN,
        f"a job is done again within {AGAIN_WITHIN:.0f} s of a kill",
    )
    _judge(stage, result, acts)
    result.figures["acts_a_minute"] = round(_arrived(stage) * 60 / (time.monotonic() - began), 1)


def _queue(stage: Site, acts: int) -> None:
    try:
        stage.queue(acts)
    finally:
        connections.close_all()


def _arrived(stage: Site) -> int:
    return int(stage.network.control.health()["acts"])


def _answers(url: str) -> bool:
    """Whether a job of our own, through a slot, a worker and Chromium, is done; false when any of them is not there."""
    try:
        _read(url, Urgency.CRITICAL)
    except BrowserError as error:
        say(f"  not yet: {error}")
        return False
    return True


def _victim(up: Up) -> tuple[str, psutil.Process] | None:
    """Chromium, the program that serves it, a browser worker, its driver, or a worker in a drain."""
    tree = up.tree()
    children = [one for one in tree if CHILD in title(one)]
    kinds: dict[str, list[psutil.Process]] = {
        "chromium": [one for one in tree if _is_chromium(one)],
        "launcher": [one for one in tree if "launchServer" in title(one)],
        "child": children,
        "driver": [one for one in tree if "run-driver" in title(one)],
        "worker": up.draining(),
    }
    there = [(kind, found) for kind, found in kinds.items() if found]
    if not there:
        return None
    kind, found = random.choice(there)
    return kind, random.choice(found)


def _is_chromium(process: psutil.Process) -> bool:
    words = title(process)
    return "--remote-debugging-pipe" in words and "--type=" not in words and not words.startswith("/bin/sh")


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
        "parked": len(parked),
        "states": dict(by_state),
        "attempts": Attempt.objects.filter(task__in=ours()).count(),
    }
    waits = _critical_waits()
    p99 = percentile(waits, 0.99)
    result.figures |= {"critical": len(waits), "critical_wait_p99_s": round(p99, 2)}
    result.holds(p99 < CRITICAL_WITHIN, f"critical acts start within {CRITICAL_WITHIN:.0f} s")
    if unfinished:
        held = Counter(
            ours().with_waiting().exclude(state=TaskState.COMPLETED).values_list("state", "reason", "detail")
        )
        say(f"  open: {held.most_common(8)}")


def _critical_waits() -> list[float]:
    """Seconds from a publication's task to the start of its first attempt."""
    rows = (
        Task.objects.filter(kind=ActionKind.POST, attempts__started_at__isnull=False)
        .exclude(attempts__state=AttemptState.ABANDONED)
        .exclude(reason=Reason.PARKED)
        .annotate(began=Min("attempts__started_at"))
        .values_list("created_at", "began")
    )
    return [(began - created).total_seconds() for created, began in rows]


# --- Many acts in a row -----------------------------------------------------------------------------------------
def _endurance(stage: Site, result: Result, acts: int) -> None:
    """What the browser's processes hold over many acts, as the ratio of the last quarter to the first after warming up."""
    samples: list[float] = []
    # The workers of what was before are idle and end by themselves; they would count as warm.
    until(lambda: not any(CHILD in title(one) for one in _ours(_home())), within=120.0, every=1.0)
    with ThreadPoolExecutor(4) as threads:
        for number, _ in enumerate(threads.map(_read, [stage.network.url] * acts)):
            if number % max(10, acts // 40) == 0:
                samples.append(_held())
                say(f"  {number} acts: {samples[-1]:.0f} MB")
    pool().close()
    ratio = memory_ratio(samples)
    result.figures |= {
        "memory_acts": acts,
        "warm_mb": round(samples[len(samples) // 10], 1),
        "memory_ratio": ratio,
    }
    result.holds(ratio <= MEMORY, f"memory stays within {MEMORY} of warm")


def _read(url: str, urgency: Urgency = Urgency.HIGH) -> None:
    try:
        work.perform(
            Job(
                "tests.automation.browser.actions:look", {"url": url}, allowed_hosts=("127.0.0.1",), seconds=40.0,
                urgency=urgency, wait=60.0,
            )
        )  # fmt: skip
    finally:
        connections.close_all()


def _held() -> float:
    """Megabytes of everything that runs for the browser: its server, Chromium and the workers."""
    names = ("chrom", "node")
    browser = [
        one for one in _ours(_home()) if CHILD in title(one) or any(name in _name(one) for name in names)
    ]
    return sum(map(proportional, browser)) / 1e6


def memory_ratio(samples: Sequence[float]) -> float:
    """The median of the last quarter over that of the first, the first tenth left out: that is warming up."""
    warm = list(samples[len(samples) // 10 :]) or list(samples)
    quarter = max(1, len(warm) // 4)
    return round(statistics.median(warm[-quarter:]) / max(1.0, statistics.median(warm[:quarter])), 3)


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _home() -> Path:
    return Path(os.environ["TMPDIR"])


def _ours(home: Path) -> list[psutil.Process]:
    """The living processes whose temporary folder is this run's."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("TMPDIR", "").startswith(str(home))
            if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main(__doc__, check, accounts=20, acts=500, kills=50, memory_acts=2000, minutes=30.0)
