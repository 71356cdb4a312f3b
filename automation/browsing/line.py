"""Who gets which free slot: the order of the line, as plain arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from automation.enums import BrowserUrgency

KEPT = 1  # the number of the slot that is kept for critical work
PATIENCE = timedelta(minutes=5)  # work of low urgency that has waited longer counts as high


@dataclass(frozen=True, slots=True)
class Waiter:
    """One in line; ``pk`` is its row's, 0 for who has just come."""

    pk: int
    key: str
    urgency: int
    since: datetime

    def rank(self, now: datetime) -> tuple[int, datetime, int]:
        """The smaller the sooner: by urgency, within it by how long it has waited."""
        patient = self.urgency == BrowserUrgency.LOW and now - self.since > PATIENCE
        return (BrowserUrgency.HIGH if patient else self.urgency, self.since, self.pk)


def assign(
    line: Iterable[Waiter], free: Sequence[int], now: datetime, *, capacity: int, posting: bool
) -> dict[Waiter, int]:
    """The free slot of each who gets one now.

    Critical work takes the kept slot first and any other after it; nobody else ever takes the kept one, unless there
    is no other at all. While ``posting``, work of low urgency gets none.
    """
    left = sorted(free)
    given: dict[Waiter, int] = {}
    for waiter in sorted(line, key=lambda one: one.rank(now)):
        if waiter.urgency == BrowserUrgency.LOW and posting:
            continue
        open_to = [n for n in left if n != KEPT or capacity == 1 or waiter.urgency == BrowserUrgency.CRITICAL]
        if open_to:
            given[waiter] = open_to[0]
            left.remove(open_to[0])
    return given
