"""django-q2's cluster under a supervisor of its own: whatever dies or freezes in it, jobs run again within seconds.

Processes: this one forks a *sentinel* (django-q2's guard), which forks workers, a pusher (takes jobs from the queue)
and a monitor (records results). All of them die with the one that forked them. Known ways to freeze, and what is done:

- a worker killed while idle dies holding the lock of the queue all workers read: the sentinel ends the whole crew;
- jobs wait, workers are free, and none starts one; results wait and none is recorded; the pusher no longer pulls:
  counters in shared memory stand still, and the sentinel ends the crew;
- the sentinel itself hangs or is stopped: its pulse in shared memory stands still, and this process kills the crew;
- the sentinel is killed: the kernel kills its crew, and this process forks a new one.

A worker killed at work holds no lock; django-q2 replaces it alone, and its neighbours notice nothing.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Any, cast

from django.db import Error, connections
from django.utils.module_loading import autodiscover_modules
from django_q import cluster as django_q_cluster
from django_q.conf import Conf
from django_q.signals import post_execute, pre_execute
from setproctitle import setproctitle

from outreach.lib import events, processes, stopping
from outreach.lib.notify import notify
from outreach.lib.queue import schedules
from outreach.lib.queue.broker import CHANNEL, PostgresBroker

logger = logging.getLogger(__name__)

STUCK_JOBS = 8.0  # seconds that jobs may wait beside a free worker
STUCK_RESULTS = (
    25.0  # seconds that no result is recorded while some wait; longer than the broker tries in an outage
)
STUCK_PUSHER = 25.0  # seconds between two pulls while there is room for a job
STUCK_SENTINEL = 18.0  # seconds without a pulse
STOP_WITHIN = 25.0  # seconds from the first signal until what still runs is killed
BEAT_EVERY = 5.0
SCHEDULES_EVERY = 5.0
CREWS_PER_MINUTE = 20  # more deaths than that are no accident: end, and leave it to whoever supervises us

_fork = multiprocessing.get_context("fork")


class Vitals(ctypes.Structure):
    """What the crew's processes know of each other. Shared memory without a lock: nobody can die holding one.

    Counters only have to change; that two workers count one job is of no account.
    """

    _fields_ = [
        ("pulse", ctypes.c_double),
        ("started", ctypes.c_ulong),
        ("finished", ctypes.c_ulong),
        ("pulls", ctypes.c_ulong),
        ("idle", ctypes.c_int),
    ]


class Standstill:
    """Since when something should go on and does not."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._counter, self._since = -1, time.monotonic()

    def lasts(self, waiting: bool, counter: int) -> bool:
        """Whether ``counter`` has not moved for ``seconds`` although something has been waiting all that time."""
        now = time.monotonic()
        if not waiting or counter != self._counter:
            self._counter, self._since = counter, now
        return now - self._since > self.seconds


class Sentinel(django_q_cluster.Sentinel):
    """django-q2's guard in a process group of its own; it gives its crew up when it can no longer work."""

    def __init__(self, stop_event: Any, start_event: Any, vitals: Any) -> None:
        os.setpgid(0, 0)
        setproctitle("outreach sentinel")
        self.vitals = vitals
        self.jobs, self.results = Standstill(STUCK_JOBS), Standstill(STUCK_RESULTS)
        self.pulls = Standstill(STUCK_PUSHER)
        self.scheduled = 0.0
        broker = PostgresBroker() if Conf.BROKER_CLASS else None
        if broker:
            broker.on_pull = lambda: _count(vitals, "pulls")
        pre_execute.connect(lambda **_: _count(vitals, "started"), weak=False)
        post_execute.connect(lambda **_: _count(vitals, "finished"), weak=False)
        super().__init__(stop_event, start_event, uuid.uuid4(), broker)

    def status(self) -> str:
        """As django-q2's, which asks once in every turn of its loops; so this is where the crew's health is looked at."""
        self.vitals.pulse = time.monotonic()
        if self.pool and not self.stop_event.is_set():
            self._look()
            self._run_schedules()
        return str(super().status())

    def reincarnate(self, process: Any) -> None:
        """Replace one dead process, unless it was a worker that may have died with the queue's lock in its hand."""
        if process in self.pool and _timer(process) == -1:
            self._give_up("a worker was killed while it waited for a job")
        super().reincarnate(process)

    def _look(self) -> None:
        idle = sum(_timer(worker) == -1 for worker in self.pool)
        self.vitals.idle = idle
        if self.jobs.lasts(idle > 0 and self.task_queue.qsize() > 0, self.vitals.started):
            self._give_up("jobs wait and free workers do not start them")
        if self.results.lasts(self.result_queue.qsize() > 0, self.vitals.finished):
            self._give_up("results wait and are not recorded")
        room = isinstance(self.broker, PostgresBroker) and self.task_queue.qsize() < (Conf.QUEUE_LIMIT or 1)
        if self.pulls.lasts(room, self.vitals.pulls):
            self._give_up("no jobs are pulled from the queue")

    def _run_schedules(self) -> None:
        if time.monotonic() - self.scheduled > SCHEDULES_EVERY:
            self.scheduled = time.monotonic()
            _quietly(schedules.run_due)

    def _give_up(self, why: str) -> None:
        logger.error("The workers are replaced: %s", why)
        os._exit(os.EX_TEMPFAIL)  # the kernel ends the crew with us; an ordinary exit would wait for them


class Cluster:
    """The process that forks crews and watches them, one at a time. A crew is a sentinel and all it forks."""

    sentinel: ForkProcess
    crew: int  # the process group of the sentinel

    def __init__(self) -> None:
        self.vitals = _fork.RawValue(Vitals)
        self.stop_event: Any = None
        self.signals = 0
        self.deaths: deque[float] = deque(maxlen=CREWS_PER_MINUTE)
        self.beaten = 0.0

    def run(self) -> int:
        """Work until a signal asks to stop. Exit code: 0 after a clean stop, 1 when crews keep dying."""
        setproctitle("outreach cluster")
        processes.forks_die_with_their_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._start_crew()
        while not self.signals:
            time.sleep(0.2)
            self._tend()
            if len(self.deaths) == CREWS_PER_MINUTE and time.monotonic() - self.deaths[0] < 60:
                logger.error("The workers died %s times within a minute; giving up", CREWS_PER_MINUTE)
                self._end_crew()
                return 1
        return self._stop()

    def _tend(self) -> None:
        silence = time.monotonic() - self.vitals.pulse
        if self.sentinel.is_alive() and silence < STUCK_SENTINEL:
            self._beat()
            processes.reap_strangers({self.crew})
            return
        reason = (
            f"has not moved for {silence:.0f} s"
            if self.sentinel.is_alive()
            else f"ended ({self.sentinel.exitcode})"
        )
        logger.error("The sentinel of the workers %s; all of them are replaced", reason)
        self.deaths.append(time.monotonic())
        self._end_crew()
        if not self.signals:
            self._start_crew()

    def _start_crew(self) -> None:
        # A fork must not inherit a connection: two processes would talk over it at once.
        connections.close_all()
        autodiscover_modules("jobs")  # once here instead of once in each worker
        gc.collect()
        gc.freeze()  # the collector of a child does not write into what it shares with us, so it stays shared
        self.vitals.pulse = time.monotonic()
        self.stop_event = _fork.Event()
        self.sentinel = _fork.Process(
            target=Sentinel, args=(self.stop_event, _fork.Event(), self.vitals), name="sentinel"
        )
        self.sentinel.start()
        self.crew = cast(int, self.sentinel.pid)

    def _end_crew(self) -> None:
        left = processes.kill_whole(self.crew)
        if left:
            raise SystemExit(f"Processes {left} cannot be killed; not starting others beside them.")
        self.sentinel.join()

    def _stop(self) -> int:
        deadline = time.monotonic() + STOP_WITHIN
        stopping.request()
        # In a thread: a sentinel killed while it waited for this event would keep us in set() for good.
        threading.Thread(target=self.stop_event.set, daemon=True).start()
        _quietly(lambda: notify(CHANNEL))  # the pusher is asleep in LISTEN
        while self.sentinel.is_alive() and time.monotonic() < deadline and self.signals < 2:
            self.sentinel.join(0.2)
            processes.beat(idle=self.vitals.idle)
        self._end_crew()
        _quietly(lambda: events.emit("process.ended", kind="cluster"))
        connections.close_all()
        return 0

    def _beat(self) -> None:
        processes.beat(idle=self.vitals.idle)
        if time.monotonic() - self.beaten > BEAT_EVERY:
            self.beaten = time.monotonic()
            detail = {"workers": Conf.WORKERS, "idle": self.vitals.idle, "jobs": self.vitals.started}
            _quietly(lambda: events.emit("process.beat", kind="cluster", detail=detail))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1


def _timer(worker: Any) -> float:
    """What django-q2 notes of a worker: seconds left for its job, -1 idle, -2 recycled, 0 timed out."""
    return float(worker.timer.get_obj().value)  # past its lock, which a killed worker may hold


def _count(vitals: Any, name: str) -> None:
    setattr(vitals, name, getattr(vitals, name) + 1)


def _quietly(act: Callable[[], object]) -> None:
    """Do what needs the database; an outage of it must not end the process that watches the others."""
    try:
        act()
    except Error as error:
        logger.warning("The cluster cannot reach the database: %s", error)
        connections.close_all()
