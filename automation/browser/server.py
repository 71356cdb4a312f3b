"""The browser server: one Chromium behind a random path on loopback, kept running for all workers of this machine.

It runs only while it is wanted (:mod:`automation.browser.endpoint`): ``manage.py up`` starts the process on the first
act and the process ends after half an hour without one, so an installation without browser work pays nothing. Three
tries with growing pauses, then it is *degraded*: it says why, goes on trying, and heals by itself; other channels never
notice. A Chromium that has grown too big is followed by a fresh one; the old one ends when its last act has.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from django.conf import settings
from playwright._impl._driver import compute_driver_executable

from automation.browser import chromium, endpoint
from automation.browser.endpoint import DEGRADED, READY, STARTING, ServerState
from outreach.lib import processes

logger = logging.getLogger(__name__)

TRIES = 3
PAUSES = (1.0, 3.0)  # seconds between the tries
LAUNCH_SECONDS = 20.0
LOOK_SECONDS = 0.2
MEASURE_SECONDS = 15.0
HOME = "outreach-browser-"  # a Chromium's temporary folder, which a killed one leaves behind
DRAIN_SECONDS = 300.0  # an old Chromium's last acts are over by then

SAID = {READY: "The browser is ready.", STARTING: "The browser starts."}

# Playwright's own launcher goes on without its browser when that dies; this one ends with it, and says which it is.
LAUNCHER = """
const {chromium} = require(process.argv[1]);
let options = '';
process.stdin.on('data', chunk => options += chunk).on('end', async () => {
  try {
    const server = await chromium.launchServer(JSON.parse(options));
    server.on('close', () => process.exit(3));
    console.log(JSON.stringify({endpoint: server.wsEndpoint(), pid: server.process().pid}));
  } catch (error) {
    console.log(JSON.stringify({error: String(error.message || error)}));
    process.exit(2);
  }
});
"""


class LaunchFailed(Exception):
    """No Chromium came up; the message says why."""


class Chromium:
    """One running Chromium and the program of Playwright's that serves it."""

    def __init__(self, program: Path) -> None:
        self.home = tempfile.mkdtemp(prefix=HOME)
        self.endpoint = ""
        self.pids: tuple[int, ...] = ()
        node, script = compute_driver_executable()
        package = str(Path(script).parent)
        self._process = subprocess.Popen(  # noqa: S603 - Playwright's own program
            [node, "-e", LAUNCHER, package],
            env={**_plain_environment(), "TMPDIR": self.home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=partial(processes.die_with, os.getpid()),  # safe: this process has one thread
        )
        self._give(program)

    def _give(self, program: Path) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        options = {
            "executablePath": str(program), "headless": True, "args": chromium.launch_flags(), "chromiumSandbox": False,
            "host": "127.0.0.1", "port": 0, "wsPath": f"/{secrets.token_urlsafe(32)}",
            "handleSIGINT": False, "handleSIGTERM": False, "handleSIGHUP": False, "timeout": LAUNCH_SECONDS * 1000,
        }  # fmt: skip
        with contextlib.suppress(BrokenPipeError):  # it ended: what it said is read next
            self._process.stdin.write(json.dumps(options))
            self._process.stdin.close()

    def come_up(self, beat: Callable[[], None]) -> None:
        """Wait until it serves, calling ``beat`` meanwhile; raises :class:`LaunchFailed`."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        os.set_blocking(self._process.stdout.fileno(), False)
        ends = time.monotonic() + LAUNCH_SECONDS + 5.0
        line = ""
        while not line.endswith("\n"):
            if time.monotonic() > ends:
                raise LaunchFailed(f"It did not come up within {LAUNCH_SECONDS:.0f} seconds.")
            line += self._process.stdout.readline() or ""
            if self._process.poll() is not None and not line:
                raise LaunchFailed(f"Playwright's server ended with code {self._process.returncode}.")
            beat()
            time.sleep(0 if line.endswith("\n") else LOOK_SECONDS / 4)
        said = json.loads(line)
        if "error" in said:
            raise LaunchFailed(said["error"].strip().splitlines()[0][:300])
        self.endpoint = said["endpoint"]
        self.pids = (self._process.pid, said["pid"])

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def family(self) -> list[psutil.Process]:
        """Every process of it."""
        try:
            leader = psutil.Process(self._process.pid)
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def held(self) -> int:
        """Bytes it holds, what its processes share counted once where the system tells."""
        return sum(map(proportional, self.family()))

    def is_used(self) -> bool:
        """Whether a worker is connected."""
        try:
            found = psutil.Process(self._process.pid).net_connections(kind="tcp")
        except psutil.Error:
            return False
        port = int(self.endpoint.rpartition(":")[2].split("/")[0])
        return any(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)

    def end(self) -> None:
        """Kill it whole, and remove what it wrote."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        for pid in self.pids[1:]:  # reparented when its launcher was killed alone
            _kill_session(pid)
        shutil.rmtree(self.home, ignore_errors=True)


class Server:
    """Keeps a Chromium while it is wanted. ``say`` hears of changes, ``beat`` is called all the time."""

    def __init__(self, *, say: Callable[[str], None], beat: Callable[[ServerState], None]) -> None:
        self._say, self._beat_with = say, beat
        self._state = ServerState(STARTING, since=time.time())
        self._current: Chromium | None = None
        self._old: list[tuple[Chromium, float]] = []
        self._failures = 0
        self._retry_at = 0.0
        self._measured = time.monotonic()

    def run(self, go_on: Callable[[], bool]) -> None:
        """Until ``go_on()`` is false; nothing of it runs when this returns."""
        self._end_former()
        try:
            while go_on():
                self._turn()
                self._beat()
                time.sleep(LOOK_SECONDS)
        finally:
            for one in [self._current, *(old for old, _ in self._old)]:
                if one is not None:
                    one.end()
            endpoint.forget()

    def _turn(self) -> None:
        if self._current is not None and not self._current.is_alive:
            self._say("Chromium ended; it is started again.")
            self._current.end()
            self._current = None
        if self._current is None and time.monotonic() >= self._retry_at:
            self._start()
        elif self._current is not None and time.monotonic() - self._measured > MEASURE_SECONDS:
            self._measured = time.monotonic()
            if self._current.held() > settings.BROWSER["server_memory_mb"] * 1_000_000:
                self._succeed()
        self._end_old()

    def _start(self) -> None:
        """One try; after the third in a row the state says why there is no browser."""
        if self._state.state == READY:
            self._tell(ServerState(STARTING, since=time.time()))
        try:
            self._current = self._launch()
        except (LaunchFailed, chromium.ChromiumMissing, OSError) as error:
            self._failed(str(error))
        else:
            self._failures = 0
            self._tell_ready(self._current)

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures < TRIES:
            self._retry_at = time.monotonic() + PAUSES[self._failures - 1]
            self._say(f"Chromium did not start ({reason}); it is tried again.")
            return
        self._retry_at = time.monotonic() + settings.BROWSER["retry_seconds"]
        since = self._state.since if self._state.state == DEGRADED else time.time()
        self._tell(ServerState(DEGRADED, reason=reason, since=since))

    def _launch(self) -> Chromium:
        # Installing takes minutes of silence, which the supervisor takes for death: `manage.py browser --install` does.
        program = chromium.find(settings.CHROMIUM_PATH)
        if program is None:
            raise chromium.ChromiumMissing(
                "No Chromium is installed. Install it: python manage.py browser --install"
            )
        started = Chromium(program)
        try:
            started.come_up(self._beat)
        except LaunchFailed:
            started.end()
            raise
        return started

    def _succeed(self) -> None:
        """Put a fresh Chromium in the place of one that has grown; acts under way finish on the old one."""
        try:
            fresh = self._launch()
        except (LaunchFailed, chromium.ChromiumMissing, OSError) as error:
            logger.warning("Chromium has grown and no fresh one starts: %s", error)
            return
        if self._current is not None:
            self._old.append((self._current, time.monotonic() + DRAIN_SECONDS))
        self._current = fresh
        self._tell_ready(fresh)

    def _end_old(self) -> None:
        for old, ends in list(self._old):
            if not old.is_alive or time.monotonic() > ends or not old.is_used():
                old.end()
                self._old.remove((old, ends))

    def _end_former(self) -> None:
        """What a killed predecessor left behind, should its browser have survived it."""
        former = endpoint.read()
        for pid in former.pids if former else ():
            _kill_session(pid)
        if former and Path(former.home).name.startswith(HOME):
            shutil.rmtree(former.home, ignore_errors=True)
        self._tell(self._state)

    def _tell_ready(self, one: Chromium) -> None:
        self._tell(ServerState(READY, one.endpoint, since=time.time(), pids=one.pids, home=one.home))

    def _tell(self, state: ServerState) -> None:
        if state.state != self._state.state or state.reason != self._state.reason:
            self._say(SAID.get(state.state) or f"There is no browser: {state.reason}")
        self._state = state
        endpoint.write(state)

    def _beat(self) -> None:
        self._beat_with(self._state)


def _kill_session(pid: int) -> None:
    """End a Chromium that outlived its launcher, if the number is still one's."""
    try:
        if "chrom" in psutil.Process(pid).name():
            processes.kill_whole(pid, within=5.0)
    except psutil.NoSuchProcess:
        return


def _plain_environment() -> dict[str, str]:
    """This process's environment without what is secret in it: a browser needs none of our settings."""
    kept = (
        "PATH", "HOME", "LANG", "LC_ALL", "TZ", "DISPLAY", "XDG_RUNTIME_DIR", "FONTCONFIG_PATH", "LD_LIBRARY_PATH",
    )  # fmt: skip
    return {
        name: value for name, value in os.environ.items() if name in kept or name.startswith("PLAYWRIGHT_")
    }


def proportional(process: psutil.Process) -> int:
    """Bytes of a process, its share of what it shares (PSS on Linux, all it holds elsewhere); 0 when it is gone."""
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", 0) or found.rss)
    except psutil.Error:
        return 0


__all__ = ["Chromium", "LaunchFailed", "Server", "proportional"]
