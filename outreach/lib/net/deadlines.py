"""How long going out may take in all."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar

_ends_at: ContextVar[float] = ContextVar("net_deadline", default=math.inf)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Nothing that :func:`client` does inside takes longer than ``seconds`` in all, however slowly bytes
    trickle.

    What does not fit ends as ``httpx.ConnectTimeout``, ``WriteTimeout`` or ``ReadTimeout``. Deadlines nest;
    the earliest counts. Looking up a name is the one thing that cannot be cut short.
    """
    with until(time.monotonic() + seconds):
        yield


@contextlib.contextmanager
def until(moment: float) -> Iterator[None]:
    """As :func:`deadline`, but ends at a moment of ``time.monotonic()`` that was fixed before.

    So a process that was stopped in between, wherever that was, no longer sends: every write looks at it first.
    """
    mark = _ends_at.set(min(_ends_at.get(), moment))
    try:
        yield
    finally:
        _ends_at.reset(mark)


def seconds_left() -> float:
    """Seconds until the deadline that counts here; below zero when it has passed, infinite where there is none.

    For what goes out by other ways than this package's: it must not begin, and must have ended, when this is over.
    """
    return _ends_at.get() - time.monotonic()


def left_of(timeout: float | None, error: type[Exception]) -> float | None:
    """``timeout``, or what the deadline leaves if that is less, in seconds; raises ``error`` once it has passed."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise error("the deadline has passed")
    return timeout if left == math.inf else min(left, left if timeout is None else timeout)
