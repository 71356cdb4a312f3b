"""A part: one command that runs as long as the installation does, in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from outreach.lib import processes

Probe = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start, and how to see that it is well.

    ``probe`` returns what is wrong right now, or nothing; trouble that lasts ``patience`` seconds has the part replaced.
    A part with ``wanted`` runs only from when that is true until it ends by itself with code 0.
    """

    name: str
    command: tuple[str, ...]
    probe: Probe = field(default=lambda: "")
    patience: float = 12.0
    wanted: Callable[[], bool] | None = None


class Part:
    """A running :class:`Plan`: everything it forked belongs to its session and ends with it."""

    FROZEN_FOR = 8.0  # seconds a SIGSTOP may hold one of its processes
    SILENT_FOR = 20.0  # seconds its main loop may go without a beat, once it has given one
    PROBE_EVERY = 5.0
    SETTLE = 20.0  # seconds after its start before its probe counts

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.beats = folder / f"{plan.name}.beat"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0  # by the machine's monotonic clock
        self.created_at = 0.0  # epoch seconds, as the system notes it
        self.restarts = -1
        self._trouble: dict[str, float] = {}
        self._probed, self._finding = 0.0, ""

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def uptime(self) -> float:
        return time.monotonic() - self.started_at

    def start(self) -> None:
        """Start it; its predecessor must be gone."""
        self.beats.unlink(missing_ok=True)
        self._trouble.clear()
        self._finding = ""
        self.restarts += 1
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *self.plan.command],
            env={**os.environ, processes.BEAT_FILE: str(self.beats)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Set before the program starts, so that even one frozen from its first moment dies with us.
            preexec_fn=partial(processes.die_with, os.getpid()),  # safe: the supervisor has no threads
        )
        self.created_at = psutil.Process(self.process.pid).create_time()

    def ask_to_stop(self) -> None:
        """SIGTERM to its main process."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> list[int]:
        """End every process of it at once; returns those that remain."""
        if self.process is None:
            return []
        left = processes.kill_whole(self.process.pid)
        if not left:
            self.process.wait()
            self.process = None
        return left

    def ended(self) -> bool:
        """Whether its main process ended."""
        return self.process is None or self.process.poll() is not None

    def is_wanted(self) -> bool:
        """Whether it should run now."""
        return self.plan.wanted is None or self.plan.wanted()

    def rests(self) -> bool:
        """Whether it has ended because nobody wanted it any more."""
        return self.plan.wanted is not None and self.process is not None and self.process.poll() == 0

    def ailment(self) -> str:
        """Why it has to be replaced, or nothing."""
        if self.process is None:
            return ""
        if self.process.poll() is not None:
            return f"ended with code {self.process.returncode}"
        stopped = processes.frozen(processes.remains_of(self.process.pid))
        return (
            self._lasts("frozen", f"is frozen (process {stopped[0]})" if stopped else "", self.FROZEN_FOR)
            or self._silence()
            or self._lasts(
                "probe", self.plan.probe() if self.uptime > self.SETTLE else "", self.plan.patience
            )
        )

    def last_detail(self) -> dict[str, Any]:
        """What it said with its last beat."""
        last = processes.last_beat(self.beats)
        return last[1] if last else {}

    def facts(self) -> dict[str, Any]:
        """Its line in the state file."""
        return {
            "name": self.plan.name,
            "pid": self.pid,
            "started_at": self.created_at,
            "restarts": self.restarts,
        }

    def _probe(self) -> str:
        now = time.monotonic()
        if self.uptime > self.SETTLE and now - self._probed >= self.PROBE_EVERY:
            self._probed, self._finding = now, self.plan.probe()
        return self._finding

    def _silence(self) -> str:
        last = processes.last_beat(self.beats)
        return f"has not moved for {last[0]:.0f} s" if last and last[0] > self.SILENT_FOR else ""

    def _lasts(self, kind: str, trouble: str, seconds: float) -> str:
        if not trouble:
            self._trouble.pop(kind, None)
            return ""
        since = self._trouble.setdefault(kind, time.monotonic())
        return trouble if time.monotonic() - since >= seconds else ""
