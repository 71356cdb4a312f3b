"""The network as a child process, for tests and the demo: start, stop, kill, start again on the same
address.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from automation.channels.sandbox.control import Control

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0  # a world of 100,000 people takes a while
STOP_SECONDS = 10.0


class SandboxError(Exception):
    """The network did not start; the message has its last words."""


class SandboxProcess:
    """A network of our own, as a context manager or with :meth:`start` and :meth:`stop`.

    ``data`` keeps its journal (start again to go on); ``port`` 0 takes a free one and keeps it for later
    starts. ``shares`` says how people answer, see :class:`~.network.options.WorldOptions`; ``reply_delay``
    is in seconds.
    """

    def __init__(
        self,
        data: Path,
        *,
        people: int = 100,
        accounts: int = 10,
        seed: int = 1,
        reply_delay: float = 1.0,
        shares: Mapping[str, float] | None = None,
        port: int = 0,
        tag: str = "",
    ) -> None:
        self.data = data
        self.url = ""
        self._port = port
        self._options: dict[str, Any] = {
            "people": people,
            "accounts": accounts,
            "seed": seed,
            "reply-delay": reply_delay,
            "tag": tag,
        }
        self._shares = dict(shares or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running network."""
        if self._process is None:
            raise SandboxError("The sandbox network is not running.")
        return self._process.pid

    @property
    def control(self) -> Control:
        """The side door of the running network: ledger, faults, accounts, people."""
        return Control(self.url)

    def start(self) -> Self:
        """Start the network and return once it answers; raises :class:`SandboxError` when it does not."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "address.json").unlink(missing_ok=True)
        with (self.data / "network.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, arguments as a list
                self._command(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C meant for a test run must not kill the judge first
            )
        self.url = self._wait_for_address()
        self._port = int(self.url.rpartition(":")[2])
        return self

    def _command(self) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "automation.channels.sandbox.network",
            "--quiet",
            "--ends-with",
            str(os.getpid()),
        ]
        command += ["--data", str(self.data.resolve()), "--port", str(self._port)]
        for name, value in self._options.items():
            command += [f"--{name}", str(value)]
        for name, share in self._shares.items():
            command += ["--share", f"{name}={share}"]
        return command

    def _wait_for_address(self) -> str:
        assert self._process is not None  # noqa: S101 - called by start() only
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise SandboxError(f"The sandbox network ended at once: {self._last_words()}")
            try:
                said = json.loads((self.data / "address.json").read_text())
            except FileNotFoundError:
                time.sleep(0.02)
                continue
            return str(said["url"])
        self.kill()
        raise SandboxError(
            f"The sandbox network did not start in {START_SECONDS:.0f} s: {self._last_words()}"
        )

    def _last_words(self) -> str:
        return (self.data / "network.log").read_text(errors="replace")[-2000:].strip() or "it said nothing"

    def stop(self) -> int | None:
        """Stop it cleanly and return its exit code; ``None`` if it did not run. Kills it after 10 seconds."""
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._process = None

    def kill(self) -> None:
        """kill -9: nothing is said goodbye to, and nothing it answered may be lost."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
