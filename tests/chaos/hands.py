"""Workers of our own: forked children that run lanes as the cluster's workers do, and die or stop where a check wants."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

import psutil
from django.conf import settings
from django.db import connections

from automation.engine import lanes, runner
from automation.engine.drain import drain
from outreach.lib import processes

Deed = Callable[[], object]


def fork(deed: Deed, *, failpoints: str = "") -> int:
    """A child that does ``deed`` with these failpoints armed, and its process id; it dies with us."""
    connections.close_all()
    sys.stdout.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = os.EX_SOFTWARE
    try:
        processes.die_with(parent)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.enable()
        settings.ENGINE["failpoints"] = failpoints
        deed()
        code = os.EX_OK
    except BaseException:  # noqa: BLE001 - a child must never return into its parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def one_lane() -> None:
    """Lease the most urgent lane and run it for a turn."""
    for lease in lanes.lease(owner=processes.identity(), places=1, per_network=1000, busy={}):
        runner.run_lane(lease, go_on=lambda: True)


def all_lanes() -> None:
    """Run whatever is due until nothing is for a moment."""
    settings.ENGINE["drain_linger_seconds"] = 0.5
    drain()


def ended(pid: int, *, within: float = 60.0, end_by: signal.Signals = signal.SIGABRT) -> int:
    """The signal that ended a child, 0 for a clean end; :class:`TimeoutError` when it lives on.

    It is ended by ``end_by`` then; SIGABRT makes it say where it hung.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        time.sleep(0.01)
    os.kill(pid, end_by)
    os.waitpid(pid, 0)
    raise TimeoutError(f"Child {pid} did not end within {within:.0f} s.")


def stopped(pid: int, *, within: float = 60.0) -> bool:
    """Wait until a child has stopped itself; false when it ended instead."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        status = psutil.Process(pid).status()
        if status == psutil.STATUS_STOPPED:
            return True
        if status == psutil.STATUS_ZOMBIE:
            return False
        time.sleep(0.01)
    return False


def wake(pids: Sequence[int], *, within: float = 60.0) -> None:
    """Let stopped children go on, as often as they stop, until all have ended; :class:`TimeoutError` if they do not."""
    left, deadline = set(pids), time.monotonic() + within
    while left:
        left -= {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0]}
        if time.monotonic() > deadline:
            raise TimeoutError(f"Children {sorted(left)} did not end within {within:.0f} s of being woken.")
        for pid in left:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)


def finish(settled: Callable[[], bool], *, within: float, hands: int = 2, deed: Deed = all_lanes) -> bool:
    """Have healthy children work until ``settled()``; false when the time is over."""
    deadline = time.monotonic() + within
    while not settled():
        if time.monotonic() > deadline:
            return False
        for pid in [fork(deed) for _ in range(hands)]:
            ended(pid, within=120)
        time.sleep(0.1)
    return True


def wait_all(pids: Sequence[int], *, within: float = 60.0) -> list[int]:
    """How each child ended, see :func:`ended`."""
    return [ended(pid, within=within) for pid in pids]
