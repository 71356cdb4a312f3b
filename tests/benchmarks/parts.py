"""The installation's real processes, started and stopped as an operator would: by command and by SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from outreach.lib import processes
from tests.benchmarks.environment import FOLDER, ROOT

STOP_SECONDS = 40.0


class PartEnded(RuntimeError):
    """A process ended that should be running; the message has its last words."""


class Part:
    """One process and all it forks, with its output in a file of the data folder."""

    def __init__(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
        self.name, self.log = name, FOLDER / f"{name}.log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env={**os.environ, **(extra or {})}, stdout=output,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def check(self) -> None:
        """Raises :class:`PartEnded` when it does not run any more."""
        if self.process.poll() is not None:
            raise PartEnded(f"{self.name} ended ({self.process.returncode}):\n{_tail(self.log)}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for whatever of it is left after a while."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not stop within {STOP_SECONDS:.0f} s and is killed", file=sys.stderr)
        processes.kill_whole(self.process.pid)
        self.process.wait()

    def family(self) -> list[psutil.Process]:
        """The process and all that descend from it."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]


def manage(name: str, *arguments: str, label: str = "", **extra: str) -> Part:
    """A management command of the installation as a part."""
    return Part(label or name, ["manage.py", name, *arguments], extra)


@contextmanager
def running(*parts: Part) -> Iterator[list[Part]]:
    """The parts, stopped at the end of the block, last one first."""
    try:
        yield list(parts)
    finally:
        for part in reversed(parts):
            part.stop()


@contextmanager
def engine(*, workers: int, clusters: int = 1) -> Iterator[list[Part]]:
    """Dispatcher and clusters in which ``workers`` drains work in each; one place more stays free, as it comes."""
    size = str(workers + 1)
    made = [manage("cluster", label=f"cluster-{n}", WORKERS=size) for n in range(clusters)]
    # It reckons the drains that are wanted for the whole database by its own setting.
    made.append(manage("dispatcher", WORKERS=str(workers * clusters + 1)))
    with running(*made) as parts:
        yield parts


def cpu_seconds(parts: Sequence[Part]) -> float:
    """Processor time used so far by the parts and all that descend from them."""
    return sum(_cpu(process) for part in parts for process in part.family())


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def patiently(parts: Sequence[Part], seconds: float, pause: float = 0.05) -> Iterator[float]:
    """Yields the seconds gone by, again and again, until ``seconds`` are over; raises when a part ends meanwhile."""
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        for part in parts:
            part.check()
        yield gone
        time.sleep(pause)


def _tail(log: Path, characters: int = 2000) -> str:
    return log.read_text(errors="replace")[-characters:]
