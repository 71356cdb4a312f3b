"""RESULTS.md: a section a command, each replaced by that command's next run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("RESULTS.md")
HEAD = """# What was measured last

Written by `uv run python -m tests.benchmarks.record`, or by one command with `--record`. The figures of a section come from
one run on one machine and are meant as ratios; what else the machine did shows in the load before the run.
"""


def busy(load: float, cores: int) -> bool:
    """Whether others took so much of the machine that ratios are worth nothing: who has more processes gets more of it."""
    return load > cores / 2


def with_section(text: str, name: str, new: str) -> str:
    """``text`` with the section ``name`` replaced by ``new``, or with it at the end."""
    pattern = re.compile(rf"(?ms)^## {re.escape(name)}$.*?(?=^## |\Z)")
    if pattern.search(text):
        return pattern.sub(lambda _: f"{new}\n", text).rstrip() + "\n"
    return f"{text.rstrip()}\n\n{new}"


def section(name: str, summary: str, result: dict[str, Any]) -> str:
    """The figures of one command as Markdown."""
    of = result["machine"]
    changed = " with changes" if of["changed"] else ""
    lines = [
        f"| {key} | {text(found)} |" for key, found in result.items() if key not in ("benchmark", "machine")
    ]
    return "\n".join(
        [
            f"## {name}", "", summary, "", "| figure | value |", "| --- | --- |", *lines, "",
            f"{of['at']}, commit {of['commit']}{changed}, {of['cores']} cores ({of['cpu']}), PostgreSQL "
            f"{of['postgresql']}, fsync {of['fsync']}, Python {of['python']}, load before "
            f"{' '.join(map(str, of['load']))}.",
            *(["", "**The machine was busy: neither figures nor ratios are a basis for comparison.**"] if of["busy"] else []),
            "",
        ]
    )  # fmt: skip


def text(found: Any) -> str:
    """A figure for people; groups of figures on one line."""
    if isinstance(found, dict):
        return ", ".join(f"{key} {text(each)}" for key, each in found.items())
    if isinstance(found, list):
        return "; ".join(text(each) for each in found)
    return f"{found:,}" if isinstance(found, int | float) and not isinstance(found, bool) else str(found)
