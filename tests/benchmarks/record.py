"""Runs every benchmark and keeps what it finds in RESULTS.md: ``uv run python -m tests.benchmarks.record [NAME ...]``."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "engine", "wake", "limits", "claim", "memory", "growth", "purge",
    "browser", "discovery", "enrichment", "qualification", "onboarding", "imports", "segments", "lists",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Exit code 1 when one of them failed; the others are recorded all the same."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        if subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}", "--record"], check=False
        ).returncode:
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
