"""The running parts the demo needs: those of an `up` that is there already, or of one it starts itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from outreach.lib import processes

START_SECONDS = 60.0
PATIENCE = 20.0  # seconds somebody else has to bring the parts back before the demo does


class Parts:
    """Keeps an `up` running for the time of the demo; brings it back should somebody kill it."""

    def __init__(self, *, address: str, tell: Callable[[str], None]) -> None:
        self._address, self._tell = address, tell
        self._child: subprocess.Popen[str] | None = None
        self._gone_since: float | None = None

    def start(self) -> None:
        """Start `manage.py up` and return; one that runs already is used as it is."""
        if somebody_runs():
            self._tell("Using the parts that run already.")
            return
        self._gone_since = None
        self._child = subprocess.Popen(  # noqa: S603 - our own program, arguments as a list
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "up", "--bind", self._address],
            env={**os.environ, "LOG_LEVEL": "WARNING"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, preexec_fn=_die_with_us(),
        )  # fmt: skip
        threading.Thread(target=self._forward, args=(self._child,), daemon=True).start()

    def look(self) -> None:
        """Called while waiting: if everything has been gone for a while, start it again."""
        if somebody_runs() or (self._child is not None and self._child.poll() is None):
            self._gone_since = None
            return
        if self._gone_since is None:
            self._gone_since = time.monotonic()
            self._tell("The running parts are gone; waiting for somebody to bring them back.")
        elif time.monotonic() - self._gone_since > PATIENCE:
            self._tell("Nobody did: starting them again.")
            self.start()

    def stop(self) -> None:
        """Stop what the demo itself started."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(40)
            except subprocess.TimeoutExpired:
                processes.kill_whole(self._child.pid)

    def wait(self) -> None:
        """Stay until the started parts end, e.g. by Ctrl-C."""
        if self._child is not None:
            self._child.wait()

    def _forward(self, child: subprocess.Popen[str]) -> None:
        """Show what `up` says: the first administrator's password is printed only once."""
        log = Path(settings.DATA_DIR) / "demo" / "up.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            for line in child.stdout or ():
                file.write(line)
                file.flush()
                self._tell(line.rstrip())


def free_address(wanted: str) -> str:
    """``host:port`` at or above the wanted port where nobody listens; where `up` runs already, its own address."""
    if somebody_runs():
        return wanted
    host, _, port = wanted.rpartition(":")
    for candidate in range(int(port), int(port) + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex((host, candidate)) != 0:
                return f"{host}:{candidate}"
    return wanted


def somebody_runs() -> bool:
    """Whether an `up` of this installation is alive, by the state file it keeps."""
    try:
        state = json.loads((Path(settings.DATA_DIR) / "up.json").read_text())
    except (FileNotFoundError, ValueError):
        return False
    return processes.is_running(state["pid"], state["started_at"])


def _die_with_us() -> Callable[[], None]:
    parent = os.getpid()
    return lambda: processes.die_with(parent)
