"""What a profile needs: which steps have to run for it, and when the next one has to."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from automation.enrichment.base import Result, Step, StepState, Subject
from automation.enrichment.taking import Row

IN_ORDER = json.JSONEncoder(sort_keys=True)


@dataclass(slots=True)
class Passed:
    """One row on its way through the steps: what each said, how it stands with each, and what they had found before."""

    row: Row
    results: list[tuple[Step, Result]] = field(default_factory=list)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)

    def learn(self, step: Step, facts: dict[str, Any]) -> None:
        """Put facts where the steps that come after see them."""
        self.before[step.name] = self.row.facts.get(step.name, {})
        self.row.facts[step.name] = facts

    def wants(self, step: Step, now: datetime) -> bool:
        """Whether the step has to run after what happened in this pass."""
        return step.name not in self.entries and wanted(step, self.row, now)

    def next_try(self, steps: Iterable[Step]) -> datetime | None:
        """When the first of these steps is to be tried again."""
        entries = (self.entries.get(step.name) or self.row.steps.get(step.name, {}) for step in steps)
        waiting = [one["at"] for one in entries if one.get("s") == StepState.WAITING]
        return min(map(datetime.fromisoformat, waiting), default=None)


def wanted(step: Step, row: Row, now: datetime) -> bool:
    """Whether a step has to run: it never did, its version or what it reads changed, or its next try is due."""
    if not step.applies(row.subject):
        return False
    entry = row.steps.get(step.name)
    if entry is None or entry.get("v") != step.version or entry.get("i") != fingerprint(step, row):
        return True
    return entry.get("s") == StepState.WAITING and datetime.fromisoformat(entry["at"]) <= now


def nothing_for(step: Step, subject: Subject) -> str:
    """Why there is nothing for the step to do, as a sentence; empty where there is."""
    if not any(getattr(subject, name) for name in step.reads):
        return "The profile says nothing it could go by."
    return step.idle(subject)


def fingerprint(step: Step, row: Row) -> int:
    """A short hash of what a step reads; the same is not worked out twice."""
    found = 0
    for name in step.reads:
        if name not in row.prints:
            row.prints[name] = _print(getattr(row.subject, name))
        found = found * 31 + row.prints[name]
    for name in step.after:
        found = found * 31 + _print(IN_ORDER.encode(row.facts.get(name, {})))
    return found & 0xFFFF_FFFF


def _print(value: object) -> int:
    if isinstance(value, tuple):
        value = "\n".join([f"{language} {text}" for text, language in value])
    return zlib.crc32(str(value).encode("utf-8", "surrogatepass"))
