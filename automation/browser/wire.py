"""What parent and child write to each other: one JSON object a message, with its length before it."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

HEAD = struct.Struct(">I")
MOST = 64 * 1024 * 1024  # bytes of one message


class Closed(Exception):
    """The other side ended, or sent what is no message."""


class Late(Exception):
    """Nothing whole came in time."""


class Wire:
    """Two pipe ends. Not for use by several threads at once."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        os.set_blocking(reads, False)
        os.set_blocking(writes, False)
        self._data = b""

    def send(self, message: dict[str, Any], *, until: float) -> None:
        """Write it whole, or raise :class:`Late` at the moment ``until`` of ``time.monotonic()``."""
        body = json.dumps(message).encode()
        if len(body) > MOST:
            raise ValueError(f"A message of {len(body)} bytes is too long; {MOST} is the most.")
        left = memoryview(HEAD.pack(len(body)) + body)
        while left:
            self._ready(self._writes, until, to_write=True)
            try:
                left = left[os.write(self._writes, left) :]
            except OSError as error:
                raise Closed(str(error)) from error

    def receive(self, *, until: float) -> dict[str, Any]:
        """The next message, or :class:`Late` at the moment ``until``."""
        (length,) = HEAD.unpack(self._take(HEAD.size, until))
        if length > MOST:
            raise Closed("what came is no message")
        found = json.loads(self._take(length, until))
        if not isinstance(found, dict):
            raise Closed("what came is no message")
        return found

    def _take(self, count: int, until: float) -> bytes:
        parts, have = [self._data], len(self._data)
        while have < count:
            self._ready(self._reads, until)
            try:
                more = os.read(self._reads, 1 << 20)
            except OSError as error:
                raise Closed(str(error)) from error
            if not more:
                raise Closed("it ended")
            parts.append(more)
            have += len(more)
        data = b"".join(parts)
        self._data = data[count:]
        return data[:count]

    def _ready(self, descriptor: int, until: float, *, to_write: bool = False) -> None:
        left = until - time.monotonic()
        poll = select.poll()  # select() cannot name descriptors beyond 1024
        poll.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
        if left <= 0 or not poll.poll(min(left, 1e6) * 1000):
            raise Late
