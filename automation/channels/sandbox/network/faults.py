"""Faults on demand: which request goes wrong, and how. Rules are kept in memory only; a restart is healthy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from automation.channels.sandbox.network.state import ACT_KINDS

FAULTS = {
    "delay": "waits ``seconds`` before acting; a client that hangs up meanwhile is not served",
    "delay_after": "acts, then waits ``seconds`` before it answers",
    "rate_limit": "429 before acting, Retry-After ``retry_after`` seconds (``as_date``: as an HTTP date)",
    "error": "``status`` before acting; says so in JSON unless ``honest`` is false",
    "error_after": "acts, then answers ``status``",
    "drop": "acts, then closes the connection without any answer",
    "drop_before": "closes the connection without acting or answering",
    "truncate": "acts, then sends half of the body and closes the connection",
    "garble": "acts, then sends half of the body as if it were all of it",
    "expire": "401 once per hit, as if the token had expired; before acting",
    "black_hole": "never acts and never answers",
}
AFTER = frozenset({"delay_after", "error_after", "drop", "truncate", "garble"})
DELAYS = frozenset({"delay", "delay_after"})


@dataclass
class Rule:
    """One kind of trouble. Empty filters match everything; ``kind`` may also be ``acts`` or ``reads``.

    Of the requests that match, each is hit with ``probability`` (drawn from ``seed``), after ``skip`` were
    let through, until ``count`` were hit.
    """

    fault: str
    kind: str = ""
    account: str = ""
    path: str = ""
    probability: float = 1.0
    count: int | None = None
    skip: int = 0
    seed: int = 0
    seconds: float = 1.0
    retry_after: float = 1.0
    as_date: bool = False
    status: int = 503
    honest: bool = True
    id: int = 0
    hits: int = 0
    seen: int = 0
    _random: Random = field(default_factory=Random, repr=False)

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"No such fault: {self.fault!r}. Known: {', '.join(FAULTS)}.")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability lies between 0 and 1.")
        for name in ("seconds", "retry_after"):
            if not math.isfinite(getattr(self, name)) or getattr(self, name) < 0:
                raise ValueError(f"{name} is a number of seconds, 0 or more.")
        if self.fault.startswith("error") and not 500 <= self.status <= 599:
            raise ValueError("status lies between 500 and 599.")
        self._random = Random(self.seed)

    def matches(self, kind: str, account: str, path: str) -> bool:
        """Whether a request falls under this rule at all."""
        group = "acts" if kind in ACT_KINDS else "reads"
        return (
            self.kind in ("", kind, group)
            and self.account in ("", account)
            and (not self.path or self.path in path)
        )

    def strikes(self) -> bool:
        """Draw whether a matching request is hit, and count it."""
        self.seen += 1
        if self.seen <= self.skip or (self.count is not None and self.hits >= self.count):
            return False
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """The rule and its hits as plain JSON values."""
        return {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}


SETTABLE = frozenset(one.name for one in fields(Rule) if not one.name.startswith("_")) - {
    "id",
    "hits",
    "seen",
}


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._made = 0

    def add(self, given: dict[str, Any]) -> Rule:
        """A new rule from JSON; :class:`ValueError` says what is wrong with it."""
        if unknown := set(given) - SETTABLE:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(SETTABLE))}.")
        try:
            rule = Rule(**given)
        except TypeError as error:
            raise ValueError(f"This is no rule: {error}") from error
        self._made += 1
        rule.id = self._made
        self.rules.append(rule)
        return rule

    def reset(self) -> None:
        """All is well again."""
        self.rules.clear()

    def plan(self, kind: str, account: str, path: str) -> list[Rule]:
        """What goes wrong with this request: any delays, and at most one other fault."""
        hit: list[Rule] = []
        for rule in self.rules:
            is_delay = rule.fault in DELAYS
            if not is_delay and any(one.fault not in DELAYS for one in hit):
                continue
            if rule.matches(kind, account, path) and rule.strikes():
                hit.append(rule)
        return hit
