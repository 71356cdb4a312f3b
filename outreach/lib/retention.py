"""How long what is kept: each app registers its own rules, one command and one schedule run them all.

Rows go in small batches, and between two batches there is a pause longer than the batch took, so that whoever works in
the same tables hardly notices, however much there is to delete.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from outreach.lib.clock import database_now

BATCH = 1000  # rows at a time
REST = 4.0  # times as long as a batch took: deleting takes a fifth of one connection's time
LONGEST_REST = 30.0  # seconds; a machine that is so slow has enough to do


@dataclass(frozen=True, slots=True)
class Rule:
    """``keep`` is how long rows live. ``count(before)`` says how many are older, ``forget(before, batch)`` deletes up to
    ``batch`` of them, the oldest first, in a transaction of its own, and says how many.
    """

    name: str
    keep: timedelta
    count: Callable[[datetime], int]
    forget: Callable[[datetime, int], int]


@dataclass(frozen=True, slots=True)
class Report:
    """Rows by rule: deleted, or with a dry run those that would be. ``finished`` unless time was up before."""

    rows: dict[str, int]
    finished: bool = True

    @property
    def total(self) -> int:
        return sum(self.rows.values())


_rules: dict[str, Rule] = {}


def register(*rules: Rule) -> None:
    """Add rules, each under a name of its own; registering a name again replaces it."""
    _rules.update({rule.name: rule for rule in rules})


def rows(name: str, keep: timedelta, older: Callable[[datetime], QuerySet]) -> Rule:
    """The rule of a table whose rows can simply be deleted; ``older(before)`` are those past their time, in the order
    in which they go (that of an index).
    """

    def forget(before: datetime, batch: int) -> int:
        oldest = older(before)
        # Named first: a DELETE with a LIMIT inside may be planned without the index.
        ids = list(oldest.values_list("pk", flat=True)[:batch])
        oldest.model._default_manager.filter(pk__in=ids).delete()
        return len(ids)

    return Rule(name, keep, lambda before: older(before).order_by().count(), forget)


def overdue() -> Report:
    """What a run would delete now."""
    now = database_now()
    return Report({name: rule.count(now - rule.keep) for name, rule in _rules.items()})


def run(*, seconds: float | None = None, rest: float = REST) -> Report:
    """Apply all rules, for ``seconds`` at most (``None``: until nothing is left)."""
    now, ends = database_now(), None if seconds is None else time.monotonic() + seconds
    gone = dict.fromkeys(_rules, 0)
    for name, rule in _rules.items():
        while batch := _batch(rule, now - rule.keep, rest):
            gone[name] += batch
            if ends is not None and time.monotonic() > ends:
                return Report(gone, finished=False)
    return Report(gone)


def _batch(rule: Rule, before: datetime, rest: float) -> int:
    began = time.monotonic()
    count = rule.forget(before, BATCH)
    if count == BATCH:
        time.sleep(min((time.monotonic() - began) * rest, LONGEST_REST))
    return count
