"""A running ``manage.py up``, and its processes one by one."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
from django.conf import settings

from automation.models import Drain
from outreach.lib import processes
from outreach.lib.clock import database_now
from tests.chaos.harness import patiently, until

START_SECONDS = 120.0
STOP_SECONDS = 40.0
HELPERS = ("pusher", "monitor")
FRESH = timedelta(seconds=3)  # a drain that beat this recently is at work


class Up:
    """``manage.py up`` with extra environment, as a context manager. ``kill`` and ``start`` again as often as wanted."""

    def __init__(self, **environment: object) -> None:
        self.environment = {name: str(value) for name, value in environment.items()}
        self.log = Path(settings.DATA_DIR) / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Up:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Up:
        """Start it and wait until its parts have been started."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    str(settings.BASE_DIR / "manage.py"),
                    "up",
                    "--bind",
                    f"127.0.0.1:{free_port()}",
                ],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(processes.die_with, os.getpid()),
            )
        if until(self._announced, within=START_SECONDS) is None:
            raise RuntimeError(f"`up` did not start: {self.log.read_text()[-2000:]}")
        return self

    def _announced(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"`up` ended with {self._process.returncode}: {self.log.read_text()[-2000:]}")
        return b"Outreach runs" in self.log.read_bytes()

    def stop(self) -> float:
        """SIGTERM; seconds until it was out. What does not end is killed, which counts as longer than allowed."""
        process, began = self._process, time.monotonic()
        if process is None:
            return 0.0
        self._process = None
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            processes.kill_whole(process.pid)
            process.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9 of the supervisor itself: all its parts go with it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    # --- Its processes -------------------------------------------------------------------------------------
    def tree(self) -> list[psutil.Process]:
        """Everything below the supervisor."""
        return psutil.Process(self.pid).children(recursive=True)

    def named(self, words: str) -> list[psutil.Process]:
        """Those whose title or command has these words."""
        return [one for one in self.tree() if words in title(one)]

    def sentinels(self) -> list[psutil.Process]:
        """Those that no other one forked: a fork has its parent's title until it gives itself one."""
        found = self.named("outreach sentinel")
        theirs = {child.pid for one in found for child in children(one)}
        return [one for one in found if one.pid not in theirs]

    def cluster(self) -> list[psutil.Process]:
        return self.named("outreach cluster")

    def crew(self) -> list[psutil.Process]:
        """What the sentinel forked: workers, pusher and monitor."""
        return [child for sentinel in self.sentinels() for child in children(sentinel)]

    def workers(self) -> list[psutil.Process]:
        return [one for one in self.crew() if not title(one).endswith(HELPERS)]

    def helpers(self) -> list[psutil.Process]:
        return [one for one in self.crew() if title(one).endswith(HELPERS)]

    def draining(self) -> list[psutil.Process]:
        """The workers that run a drain at this moment, as the drains themselves say."""
        at_work = patiently(
            lambda: set(
                Drain.objects.filter(beat_at__gt=database_now() - FRESH).values_list("worker", flat=True)
            )
        )
        here = {int(name.rpartition(":")[2]) for name in at_work}
        return [one for one in self.workers() if one.pid in here]

    def victim(self) -> tuple[str, psutil.Process] | None:
        """Somebody to kill: mostly a worker in a drain, sometimes any other part; ``None`` when nobody is there."""
        ways: list[tuple[float, str, Callable[[], list[psutil.Process]]]] = [
            (0.76, "drain", self.draining),
            (0.06, "worker", self.workers),
            (0.04, "helper", self.helpers),
            (0.04, "sentinel", self.sentinels),
            (0.04, "cluster", self.cluster),
            (0.04, "dispatcher", partial(self.named, "dispatcher")),
            (0.02, "web", partial(self.named, "gunicorn")),
        ]
        _, kind, find = random.choices(ways, weights=[way[0] for way in ways])[0]
        found = find()
        return (kind, random.choice(found)) if found else None


def title(process: psutil.Process) -> str:
    """What ``ps`` shows; empty for one that is gone."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def send(process: psutil.Process, number: signal.Signals) -> bool:
    """Signal a process; false when it is gone."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def free_port() -> int:
    """A port on loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
