"""Process trees that leave nothing behind: children that die with their parent, groups that end as a whole, heartbeats.

On Linux the kernel kills a child whose parent ends (``PR_SET_PDEATHSIG``), even a frozen one. Elsewhere children
outlive a ``kill -9`` of their parent, and :func:`remains_of` finds them at the next start.
"""

import ctypes
import functools
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

BEAT_FILE = "OUTREACH_BEAT_FILE"  # set by the supervisor for each part: the file it proves its life with
BEAT_AT_MOST_EVERY = 1.0  # seconds
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_beaten = [0.0]


def identity() -> str:
    """This process as others may name it: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, process ``parent``, ends; at once if it has ended already.

    Linux ties this to the parent's *thread* that forked: fork from threads that live as long as their process.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


@functools.cache
def forks_die_with_their_parent() -> None:
    """From now on every fork of this process, and every fork of those, dies with the process that made it."""
    parent = [os.getpid()]

    def before() -> None:
        parent[0] = os.getpid()

    os.register_at_fork(before=before, after_in_child=lambda: die_with(parent[0]))


def beat(**detail: Any) -> None:
    """Tell the supervisor, where there is one, that this part's main loop turns. Call it at least every 5 seconds.

    ``detail`` is what :func:`last_beat` returns, as JSON.
    """
    path = os.environ.get(BEAT_FILE)
    now = time.monotonic()
    if not path or now - _beaten[0] < BEAT_AT_MOST_EVERY:
        return
    _beaten[0] = now
    draft = f"{path}.{os.getpid()}"
    # The monotonic clock is the same for every process of the machine, and neither jumps nor counts a laptop's sleep.
    Path(draft).write_text(json.dumps({"at": now, "detail": detail}))
    os.replace(draft, path)


def last_beat(path: Path) -> tuple[float, dict[str, Any]] | None:
    """Seconds since the last beat written to ``path``, and its detail; ``None`` if there was none."""
    try:
        last = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return time.monotonic() - last["at"], last["detail"]


def is_running(pid: int, started_at: float) -> bool:
    """Whether the process that began at ``started_at`` (epoch seconds) as ``pid`` still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started_at) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def remains_of(leader: int) -> list[psutil.Process]:
    """Every living process of the session or group that ``leader`` leads or led, and whatever descends from those."""
    parents: dict[int, int] = {}
    found: dict[int, psutil.Process] = {}
    members: set[int] = set()
    for process in psutil.process_iter():
        try:
            parents[process.pid] = process.ppid()
            if leader in (process.pid, os.getsid(process.pid), os.getpgid(process.pid)):
                members.add(process.pid)
        except (OSError, psutil.Error):
            continue  # gone meanwhile, or none of ours
        found[process.pid] = process
    grown = True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in members} - members
        members |= children
        grown = bool(children)
    return [found[pid] for pid in sorted(members & found.keys()) if _lives(found[pid])]


def frozen(processes: Iterable[psutil.Process]) -> list[int]:
    """The ids of those that a SIGSTOP holds (a debugger's stop is another state and does not count)."""
    return [process.pid for process in processes if _status(process) == psutil.STATUS_STOPPED]


def kill_whole(leader: int, *, within: float = 10.0) -> list[int]:
    """SIGKILL everything that belongs to ``leader`` until nothing does; what is left after ``within`` seconds is returned.

    Must not be called by a member of that group.
    """
    deadline = time.monotonic() + within
    while remains := remains_of(leader):
        for process in remains:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        if time.monotonic() > deadline:
            return [process.pid for process in remains]
        time.sleep(0.05)
    return []


def reap_strangers(known: Iterable[int] = ()) -> None:
    """Collect ended children that are not in ``known``: as process 1 of a container we inherit everybody's orphans."""
    if os.getpid() != 1:
        return
    for child in psutil.Process().children():
        if child.pid not in known and _status(child) == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, os.WNOHANG)


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return psutil.STATUS_DEAD


def _lives(process: psutil.Process) -> bool:
    return _status(process) not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
