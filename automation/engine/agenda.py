"""When to look at the lanes again: at the soonest time anybody has told of, without asking the database meanwhile."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from outreach.lib.notify import Notification

LOOK_ANYWAY = 5.0  # seconds; a notification that was lost delays nothing for longer


class Agenda:
    """The soonest time work may be due, on this process's own steady clock.

    Notifications carry seconds from now, reckoned by the database, so that a wrong wall clock here changes nothing.
    """

    def __init__(self, *, pause: float) -> None:
        """``pause``: seconds that lie between two looks at least, however often somebody calls."""
        self._pause = pause
        self._at = self._not_before = 0.0

    def hear(self, heard: Iterable[Notification]) -> None:
        """Take in what was notified; anything without a time, a reconnection too, means now."""
        now = time.monotonic()
        for one in heard:
            self._at = min(self._at, now + _seconds(one.payload))

    def looked(self, seconds: float | None) -> None:
        """The lanes were looked at, and nothing is due for ``seconds`` (``None``: nothing at all)."""
        now = time.monotonic()
        self._at = now + (LOOK_ANYWAY if seconds is None else min(max(seconds, 0.0), LOOK_ANYWAY))
        self._not_before = now + self._pause

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return self.seconds <= 0

    @property
    def seconds(self) -> float:
        """Seconds until it is."""
        return max(0.0, max(self._at, self._not_before) - time.monotonic())


def _seconds(payload: str) -> float:
    try:
        seconds = float(payload)
    except ValueError:
        return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
