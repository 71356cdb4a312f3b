"""A browser server in a process of its own, in the data folder its environment names; needs no database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from django.conf import settings

from automation.browser.server import Server
from outreach.lib import processes, stopping

ROOT = Path(__file__).resolve().parents[3]


class Serving:
    """``with Serving(folder):`` runs one until the end; ``environment`` changes its settings."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.environment = folder, environment
        self.log = folder / "serving.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.automation.browser.serving", str(os.getpid())],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={
                    **os.environ, "OUTREACH_DATA_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "outreach.settings",
                    **self.environment,
                },
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def family(self) -> list[psutil.Process]:
        """Every process of it: the keeper, Playwright's program, Chromium's."""
        return processes.remains_of(self.pid)

    def chromium(self) -> list[psutil.Process]:
        """Chromium's main process, the one that has no Chromium above it."""
        ours = self.family()
        found = [one for one in ours if _is_chromium(one)]
        return [one for one in found if one.ppid() not in {each.pid for each in found}]

    def launcher(self) -> list[psutil.Process]:
        """Playwright's program."""
        return [one for one in self.family() if one.name().startswith("node")]

    def stop(self) -> None:
        """Ask it to end, and end what remains."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            processes.kill_whole(self._process.pid)
            self._process.wait()
        self._process = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _is_chromium(process: psutil.Process) -> bool:
    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    return bool(line) and "chrom" in Path(line[0]).name and "--type=" not in " ".join(line)


def say(line: Any) -> None:
    print(f"{time.monotonic():.2f} {line}", flush=True)


if __name__ == "__main__":
    processes.die_with(int(sys.argv[1]))
    stopping.on_signals()
    assert settings.DATA_DIR
    Server(say=say, beat=lambda state: None).run(lambda: not stopping.requested())
