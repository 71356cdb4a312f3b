"""One browser worker as its parent sees it: a child process in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from django.conf import settings

from automation.browser.wire import Closed, Late, Wire

READY_SECONDS = 30.0  # a busy machine takes its time to load Playwright
# The child gets no secret of ours: neither keys nor the database's address.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "NODE_EXTRA_CA_CERTS",
)
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Worker:
    """A running child. It belongs to the thread that starts it: the kernel kills it when that thread ends."""

    def __init__(self) -> None:
        self.acts = 0
        self.idle_since = time.monotonic()
        self._family: list[int] = []
        self._base = 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child is
        passed = {
            name: value
            for name, value in os.environ.items()
            if name in PASSED_ON or name.startswith("PLAYWRIGHT_")
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "automation.browser.child", str(os.getpid())],
            cwd=settings.BASE_DIR,
            env=passed,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        reads, writes = self._process.stdout, self._process.stdin
        assert reads is not None  # noqa: S101 - it is a pipe
        assert writes is not None  # noqa: S101
        self.wire = Wire(reads.fileno(), writes.fileno())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def get_ready(self, until: float) -> None:
        """Wait for its first word; raises what the wire raises."""
        if not self._family:
            said = self.wire.receive(until=min(until, time.monotonic() + READY_SECONDS))
            self._family = [int(pid) for pid in said["ready"]]

    def grown(self) -> int:
        """Bytes it holds more than after its first act, its driver included."""
        held = sum(map(resident, self._family))
        self._base = self._base or held
        return held - self._base

    def halt(self) -> None:
        """End it and its driver now; the browser drops its contexts as the connection breaks. Its last words can be read."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """End it and close our ends of its pipes."""
        self.halt()
        self.drop()

    def drop(self) -> None:
        """Close our ends of its pipes."""
        for end in (self._process.stdin, self._process.stdout, self._said):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()

    def last_words(self) -> str:
        """The last line it wrote to its standard error, for people."""
        self._said.seek(0)
        lines = self._said.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def ask(self, message: dict[str, Any], until: float) -> None:
        """Give it a job."""
        self.acts += 1
        self.wire.send(message, until=until)


def resident(pid: int) -> int:
    """Bytes of memory a process holds; 0 when it is gone, or where the system does not tell this way."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


__all__ = ["Closed", "Late", "Worker", "resident"]
