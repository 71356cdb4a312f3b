"""One supervisor per data folder, and what others may read of it: ``up.json``."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import psutil

from outreach.lib import processes


class AlreadyRunning(Exception):
    """Another supervisor lives in this data folder; the message says which."""


class State:
    """The data folder's lock and state file. The lock is the kernel's: it ends with its process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "up.json"
        self._lock = folder / "up.lock"
        self._descriptor = -1

    def claim(self) -> list[dict[str, Any]]:
        """Become the folder's supervisor, or raise :class:`AlreadyRunning`.

        Ends what a killed one left behind; returns the parts it had, as :meth:`write` noted them.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        last = self.read()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Outreach already runs in {self._lock.parent}: process {last.get('pid', 'unknown')}, "
                f"{last.get('address') or 'without a web process'}. Stop it with Ctrl-C or: kill {last.get('pid', '')}"
            ) from None
        parts: list[dict[str, Any]] = last.get("parts", [])
        for part in parts:
            if processes.is_running(part["pid"], part["started_at"]):
                processes.kill_whole(part["pid"])
        return parts

    def write(self, *, address: str, parts: list[dict[str, Any]]) -> None:
        """Say who runs: ``{pid, started_at, address, parts: [{name, pid, started_at, restarts}]}``, times in epoch seconds."""
        me = psutil.Process()
        facts = {"pid": me.pid, "started_at": me.create_time(), "address": address, "parts": parts}
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(facts))
        draft.replace(self.path)

    def read(self) -> dict[str, Any]:
        """The last written state, which may be of one that is gone; empty if there is none."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def release(self) -> None:
        """Stop being the supervisor."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
