"""The browser workers of this process: children that are lent one job at a time, kept warm, and never outlive it."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from django.conf import settings

from automation.browser.shapes import BrowserDown
from automation.browser.worker import Closed, Late, Worker

LOOK_SECONDS = 5.0
SWEEP_AFTER = 3600.0


class Pool:
    """Lends workers. One thread of its own starts them all, since a child dies with the thread that started it."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Future[Worker]] = queue.SimpleQueue()
        threading.Thread(target=self._keep, name="browser-workers", daemon=True).start()

    def take(self, until: float) -> Worker:
        """A warm worker, else a new one that is ready at the moment ``until``; raises :class:`BrowserDown`."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                worker = self._idle.pop()
            if worker.is_alive:
                return worker
            self.end(worker)
        order: Future[Worker] = Future()
        self._orders.put(order)
        try:
            worker = order.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            order.add_done_callback(self._put_back_late)
            raise BrowserDown("No browser worker could be started in time.") from None
        except OSError as error:
            raise BrowserDown(f"No browser worker could be started: {error}") from error
        try:
            worker.get_ready(until)
        except (Closed, Late) as error:
            why = worker.last_words() or "it said nothing"
            self.end(worker)
            raise BrowserDown(f"A browser worker did not start: {why}") from error
        return worker

    def give_back(self, worker: Worker) -> None:
        """Keep it for the next job, unless it was used often, has grown, or enough are idle."""
        limits = settings.BROWSER
        worn = worker.acts >= limits["worker_acts"] or worker.grown() > limits["worker_growth_mb"] * 1_000_000
        with self._lock:
            keep = not worn and len(self._idle) < limits["warm_workers"]
            if keep:
                worker.idle_since = time.monotonic()
                self._idle.append(worker)
        if not keep:
            self.end(worker)

    def end(self, worker: Worker) -> None:
        """Kill one that is not idle."""
        worker.kill()
        with self._lock:
            self._all.discard(worker)

    def close(self) -> None:
        """Kill those that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            self.end(worker)

    def abandon(self) -> None:
        """After a fork: the children are our parent's, and so are the pipes to them."""
        for worker in self._all:
            worker.drop()

    def _put_back_late(self, order: Future[Worker]) -> None:
        if order.exception() is None:
            self.end(order.result())

    def _keep(self) -> None:
        while True:
            try:
                order = self._orders.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                self._end_idle()
                continue
            try:
                worker = Worker()
            except OSError as error:
                order.set_exception(error)
            else:
                with self._lock:
                    self._all.add(worker)
                order.set_result(worker)

    def _end_idle(self) -> None:
        before = time.monotonic() - settings.BROWSER["worker_idle_seconds"]
        with self._lock:
            over = [worker for worker in self._idle if worker.idle_since < before]
            self._idle = [worker for worker in self._idle if worker.idle_since >= before]
        for worker in over:
            self.end(worker)


_pools: list[Pool] = []
_making = threading.Lock()


def pool() -> Pool:
    """This process's pool, made on first use."""
    if not _pools:
        with _making:
            if not _pools:
                _pools.append(Pool())
    return _pools[0]


def _forget_parents_pool() -> None:
    global _making
    _making = threading.Lock()
    while _pools:
        _pools.pop().abandon()


os.register_at_fork(after_in_child=_forget_parents_pool)


def proof_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for what one job keeps, readable by its owner only."""
    home = Path(settings.DATA_DIR) / "run"
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    return tempfile.TemporaryDirectory(prefix="proof-", dir=home)


def _sweep(home: Path) -> None:
    """Remove folders that killed processes left behind; no job lasts an hour."""
    for left in home.glob("proof-*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else is at it
            if time.time() - left.stat().st_mtime > SWEEP_AFTER:
                shutil.rmtree(left, ignore_errors=True)
