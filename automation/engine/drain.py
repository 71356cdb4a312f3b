"""A drain: many lanes at once in one worker, in threads, because the time goes into waiting for networks."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections import Counter
from datetime import timedelta

import structlog
from django.db import connections

from automation.engine import lanes, policy, runner
from automation.engine.agenda import Agenda
from automation.engine.lanes import Lease
from automation.models import Drain
from outreach.lib import clock, events, stopping
from outreach.lib.notify import Listener

log = structlog.get_logger(__name__)
BEAT_SECONDS = 1.0
MOMENT = 0.002  # seconds between two looks at least
SHARED_PAUSE = 0.05
GONE_AFTER = timedelta(seconds=5)  # a drain that has not beaten for so long no longer counts


class Workbench:
    """The threads of one drain. Each keeps one database connection, closed when the bench is."""

    def __init__(self, places: int, go_on: threading.Event) -> None:
        self.places, self.go_on = places, go_on
        self.busy: dict[int, str] = {}  # lane id -> network, of lanes being run
        self.called = 0
        self.freed = threading.Event()
        self._leases: queue.SimpleQueue[Lease | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    @property
    def free(self) -> int:
        return self.places - len(self.busy)

    def take(self, lease: Lease) -> None:
        """Run a leased lane as soon as a thread is free, which one is: only ``free`` lanes are ever leased."""
        self.busy[lease.lane_id] = lease.network
        if len(self._threads) < len(self.busy):
            thread = threading.Thread(target=self._run, name=f"lane-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._leases.put(lease)

    def close(self) -> None:
        """Wait until every thread has finished its lane."""
        for _ in self._threads:
            self._leases.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while (lease := self._leases.get()) is not None:
                self._run_one(lease)
        finally:
            connections.close_all()

    def _run_one(self, lease: Lease) -> None:
        try:
            self.called += runner.run_lane(lease, go_on=self.go_on.is_set)
        except Exception:
            log.exception("lane_failed", lane=lease.lane_id, network=lease.network)
        finally:
            self.busy.pop(lease.lane_id, None)
            self.freed.set()


def drain() -> int:
    """Run due lanes until none is due for a while, the minute is over or the cluster stops; returns the attempts called."""
    me = Drain.objects.create(worker=f"{socket.gethostname()}:{os.getpid()}")
    go_on = threading.Event()
    go_on.set()
    bench = Workbench(policy.count("lanes_at_once"), go_on)
    try:
        with Listener([lanes.CHANNEL]) as listener:
            _loop(me, bench, listener)
    finally:
        go_on.clear()
        bench.close()
        me.delete()
    return bench.called


def _loop(me: Drain, bench: Workbench, listener: Listener) -> None:
    ends = time.monotonic() + policy.seconds("drain_seconds")
    linger = policy.seconds("drain_linger_seconds")
    agenda = Agenda(pause=MOMENT)
    idle_since, beaten = time.monotonic(), 0.0
    while (now := time.monotonic()) < ends and not stopping.requested():
        if now - beaten > BEAT_SECONDS:
            beaten = now
            beat(me, bench)
        if bench.free and agenda.due:
            leased = _fill(bench, me.worker)
            agenda.looked(_next_look(bench, leased))
        if bench.busy:
            idle_since = now
        elif now - idle_since > linger:
            return
        _wait(bench, listener, agenda)


def _next_look(bench: Workbench, leased: int) -> float | None:
    """Seconds until looking again is worth it; what is due but was not to be had (its network has its share) waits a little."""
    if bench.free <= 0:
        return 0.0
    seconds = lanes.seconds_until_due()
    return seconds if leased or seconds is None else max(seconds, SHARED_PAUSE)


def _fill(bench: Workbench, worker: str) -> int:
    """Lease as many due lanes as there are free places; at most half of all places go to one network."""
    bench.freed.clear()
    busy = Counter(bench.busy.values())
    leases = lanes.lease(owner=worker, places=bench.free, per_network=max(1, bench.places // 2), busy=busy)
    for lease in leases:
        bench.take(lease)
    return len(leases)


def _wait(bench: Workbench, listener: Listener, agenda: Agenda) -> None:
    """Sleep until a lane is woken, a place is freed, or the next lane's time comes; never longer than a beat."""
    if bench.free <= 0:
        bench.freed.wait(BEAT_SECONDS)
    else:
        agenda.hear(listener.wait(min(agenda.seconds, BEAT_SECONDS)))


def beat(me: Drain, bench: Workbench) -> None:
    """Say that this drain is alive and what it does."""
    Drain.objects.filter(pk=me.pk).update(beat_at=clock.database_now())
    events.emit(
        "process.beat",
        kind="drain",
        detail={"worker": me.worker, "lanes": len(bench.busy), "called": bench.called},
    )


def alive_here() -> int:
    """How many drains are at work on this machine; each machine's dispatcher sees to its own."""
    here = Drain.objects.filter(worker__startswith=f"{socket.gethostname()}:")
    return here.filter(beat_at__gt=clock.database_now() - GONE_AFTER).count()


def sweep() -> int:
    """Forget drains whose worker died; returns how many."""
    return Drain.objects.filter(beat_at__lt=clock.database_now() - 12 * GONE_AFTER).delete()[0]
