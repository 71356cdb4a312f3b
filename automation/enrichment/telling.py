"""Where a profile stands, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automation.enrichment import registry
from automation.enrichment.base import Step, StepState
from automation.models import Enrichment

WORDS = {
    StepState.WAITING: "Waits",
    StepState.DONE: "Done",
    StepState.FAILED: "Failed",
    StepState.SKIPPED: "Nothing to do",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One step of one profile. ``facts`` are plain words; ``next_at`` is when it is tried again."""

    name: str
    label: str
    state: StepState
    words: str
    reason: str = ""
    tries: int = 0
    next_at: datetime | None = None
    facts: str = ""


def standings(row: Enrichment) -> list[Standing]:
    """Every step that was looked at for the profile, in the order in which they run; none before its first turn."""
    return [
        _standing(step, row.steps[step.name], row.facts.get(step.name, {}))
        for step in registry.steps()
        if step.name in row.steps
    ]


def _standing(step: Step, entry: dict[str, Any], facts: dict[str, Any]) -> Standing:
    state = StepState(entry["s"])
    return Standing(
        name=step.name,
        label=step.label,
        state=state,
        words=WORDS[state],
        reason=entry.get("why", ""),
        tries=int(entry.get("n", 0)),
        next_at=datetime.fromisoformat(entry["at"]) if entry.get("at") else None,
        facts=in_words(facts),
    )


def in_words(facts: dict[str, Any]) -> str:
    """Facts on one line: ``de, from posts``."""
    pieces = []
    for name, value in facts.items():
        if name == "mail":
            pieces.append(str(value[1]) or "Nothing speaks against it.")
        elif isinstance(value, dict):
            most_first = sorted(value.items(), key=lambda entry: -entry[1])
            pieces.append(", ".join(f"{key}: {number}" for key, number in most_first))
        elif isinstance(value, list):
            pieces.append(", ".join(map(str, value)))
        elif name == "told_from":
            pieces.append(f"told from {value}")
        elif value is True:
            pieces.append(name.replace("_", " "))
        elif name == "bytes":
            pieces.append(f"{max(1, int(value) // 1000)} KB")
        else:
            pieces.append(str(value))
    return ", ".join(filter(None, pieces))
