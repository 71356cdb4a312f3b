"""The append-only journal: one JSON line per event, in the system's hands before anybody is told it
happened.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automation.channels.sandbox.network.options import WorldOptions
from automation.channels.sandbox.network.state import Event

_DEFAULTS = {name: Event.__dataclass_fields__[name].default for name in Event.__slots__}


class JournalError(Exception):
    """The journal cannot be used; the message says why and what to do."""


class Journal:
    """The journal of one data folder, held by one process at a time.

    A line is written with one system call before its act is answered, so killing the process loses no
    answered act. The disk is asked to keep it (:meth:`flush`) about once a second, so a power cut may lose
    a second.
    """

    def __init__(self, folder: Path, world: WorldOptions) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "journal.jsonl"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.seq = 0
        self._at = 0
        self._flushed = 0
        self._size = 0
        try:
            self._lock(folder)
            self._check_world(folder / "world.json", world)
        except JournalError:
            os.close(self._file)
            raise

    def _lock(self, folder: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JournalError(
                f"Another sandbox runs in {folder}. Stop it, or choose another --data."
            ) from None

    @staticmethod
    def _check_world(path: Path, world: WorldOptions) -> None:
        wanted = json.dumps(world.as_dict(), sort_keys=True)
        if not path.exists():
            draft = path.with_suffix(".new")
            draft.write_text(wanted)
            draft.replace(path)
        elif path.read_text() != wanted:
            raise JournalError(
                f"{path.parent} holds another world: {path.read_text()}. Use the same options, or another --data."
            )

    def replay(self) -> Iterator[Event]:
        """Every event so far, in order. A last line cut off by a crash was never answered: it is cut off
        for good.
        """
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    event = Event(**json.loads(line))
                except (ValueError, TypeError) as error:
                    raise JournalError(f"{self.path}, line {number} is damaged: {error}") from error
                if event.seq != self.seq + 1:
                    raise JournalError(f"{self.path}, line {number}: event {event.seq} follows {self.seq}.")
                self.seq, self._at, self._size = event.seq, event.at, self._size + len(line)
                yield event
        os.ftruncate(self._file, self._size)

    def next_event(self, what: str, by: str, **fields: Any) -> Event:
        """The next event, with its place in the order and its time, not written yet."""
        at = max(time.time_ns() // 1000, self._at + 1)
        return Event(self.seq + 1, at, what, by, **fields)

    def append(self, event: Event) -> None:
        """Write ``event``; raises :class:`OSError` (disk full, ...) with the journal left as it was."""
        values = {name: value for name, value in event.as_dict().items() if value != _DEFAULTS[name]}
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(f"{self.path} could not be written in full")
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self.seq, self._at, self._size = event.seq, event.at, self._size + len(line)

    def flush(self) -> None:
        """Have the disk keep what was written so far; does nothing when nothing is new."""
        if self._flushed != self._size:
            size = self._size
            os.fsync(self._file)
            self._flushed = size

    def close(self) -> None:
        """Flush and let the folder go."""
        self.flush()
        os.close(self._file)
