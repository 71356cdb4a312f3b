"""What every command has in common: its arguments, its progress, its JSON, and its section of RESULTS.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks import results
from tests.benchmarks.environment import ROOT, value


def parser(summary: str) -> argparse.ArgumentParser:
    """A parser that knows what all commands understand."""
    made = argparse.ArgumentParser(description=summary)
    made.add_argument(
        "--json", action="store_true", help="Print one JSON object last; progress goes to stderr."
    )
    made.add_argument(
        "--record", action="store_true", help="Keep the figures in tests/benchmarks/RESULTS.md."
    )
    return made


def say(line: str) -> None:
    """Progress, for people; on stderr, so that stdout has the figures alone."""
    print(line, file=sys.stderr, flush=True)


def publish(name: str, summary: str, figures: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the figures as asked for, and keep them if asked to."""
    result = {"benchmark": name, **figures, "machine": machine()}
    if result["machine"]["busy"]:
        say(
            f"The machine was busy (load {LOAD[0]:.1f}): neither figures nor ratios are a basis for comparison."
        )
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{key:32} {results.text(found)}" for key, found in figures.items()))
    if options.record:
        keep(name, summary, result)


def machine() -> dict[str, Any]:
    """Where and from what the figures come."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "load": [round(load, 1) for load in LOAD],
        "busy": results.busy(LOAD[0], os.cpu_count() or 1),
        "python": platform.python_version(),
        "postgresql": value("SHOW server_version"),
        "fsync": value("SHOW fsync"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


LOAD = os.getloadavg()  # before we add to it


def keep(name: str, summary: str, result: dict[str, Any]) -> None:
    """Replace the command's section of RESULTS.md."""
    old = results.FILE.read_text() if results.FILE.exists() else results.HEAD
    results.FILE.write_text(results.with_section(old, name, results.section(name, summary, result)))


def _cpu_model() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
