"""All checks of rows 1 to 14, one after the other: ``--short`` for CI in under four minutes, ``--full`` at full numbers."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import (
    answers,
    browser,
    crash,
    database,
    edges,
    limits,
    load,
    mail,
    network,
    networks,
    optout,
    parts,
    pauses,
    poison,
)
from tests.chaos.harness import Result, say

WORDS = ("passed", "failed")


@dataclass(frozen=True, slots=True)
class Row:
    """One check: its number in CHECKS, what runs it, and the numbers of its short form."""

    number: str
    check: Callable[..., Result]
    short: dict[str, Any] | None = field(default_factory=dict)  # None: only in the full form
    full: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("1", crash.check, {"sends": 400, "kills": 4, "lose": 0.05, "minutes": 2.0}),
    Row("1 lost answers", crash.check, None, {"lose": 0.1}),
    Row("1 pauses", crash.check, None, {"sends": 12_000, "kills": 5, "pauses": 20}),
    Row("1 crashes inside", crash.check, None, {"kills": 0, "failpoints": True}),
    Row("2", parts.check, {"rounds": 2, "sends": 40}),
    Row("3", pauses.check, {"times": 8}),
    Row("4", edges.check, {"times": 2, "batch": 26}),
    Row("5", answers.check, {"times": 12}),
    Row("6", mail.cut, {"times": 24}),
    Row("6 a mailing", mail.cycle, {"sends": 80}),
    Row(
        "7", database.check, {"restarts": 2, "sends": 60, "ended_for": 4.0, "away_for": 5.0, "together": True}
    ),
    Row("8", network.check, {"short": True, "sends": 100}),
    Row("8 every network", networks.check, None),
    Row("9", limits.check, {"rounds": 3, "days": 2}),
    Row("10", optout.check, {"sends": 200}),
    Row("11", mail.one_click),
    Row("12", poison.check, {"neighbours": 10}),
    # The short form claims beside other checks, on the same cores: only what would be slow anywhere is wrong there.
    Row("13", load.check, {"waiting": 20_000, "stops": 1, "replayed": 300, "claim_ms": 500.0}),
    Row("14", browser.check, None),
)


# Rows that run side by side in the short form, in installations of their own.
SIDE_BY_SIDE = ("1,5,9,12", "2,3,4,6,7,10,11", "8,13")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--short", action="store_true", help="The form for CI.")
    form.add_argument("--full", action="store_true", help="Everything at full numbers; takes hours.")
    parser.add_argument("--only", default="", help="These rows only, e.g. 4 or 1,7.")
    parser.add_argument("--json", action="store_true", help="End with one JSON object.")
    given = parser.parse_args()
    count = _side_by_side() if given.short and not given.only else _one_by_one(given.short, given.only)
    checks = count.total()
    print(f"{checks} checks: " + ", ".join(f"{count[word]} {word}" for word in WORDS))
    if given.json:
        print(json.dumps({"checks": checks, **{word: count[word] for word in WORDS}}), flush=True)
    return bool(count["failed"])


def _one_by_one(short: bool, only: str) -> Counter[str]:
    chosen = [(row, row.short if short else row.full) for row in ROWS]
    wanted = only.split(",") if only else [row.number.split()[0] for row in ROWS]
    return Counter(
        _run(row, numbers)
        for row, numbers in chosen
        if numbers is not None and row.number.split()[0] in wanted
    )


def _side_by_side() -> Counter[str]:
    """The short form in a few processes at once: most of the time goes into waiting for leases and deadlines."""
    with ThreadPoolExecutor(len(SIDE_BY_SIDE)) as pool:
        return sum(pool.map(_apart, SIDE_BY_SIDE), Counter())


def _apart(rows: str) -> Counter[str]:
    """Run these rows in a process of their own; a process that breaks off has failed."""
    command = [sys.executable, "-m", "tests.chaos.run", "--short", "--json", "--only", rows]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        last = "{}"
        for line in process.stdout or ():
            if line.startswith(("CHECKS", "  !")):
                print(line, end="", flush=True)
            last = line
    try:
        found = json.loads(last)
    except ValueError:
        return Counter(failed=1)
    return Counter({word: found.get(word, 0) for word in WORDS}) if found else Counter(failed=1)


def _run(row: Row, numbers: dict[str, Any]) -> str:
    began = time.monotonic()
    try:
        result = row.check(**numbers)
    except Exception as error:  # noqa: BLE001 - a check that breaks has failed; the others still run
        say(traceback.format_exc())
        result = Result(wrong=[f"broke off: {type(error).__name__}: {error}"])
    word = "failed" if result.wrong else "passed"
    figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
    print(f"CHECKS {row.number}: {word} in {time.monotonic() - began:.0f} s: {figures}", flush=True)
    for sentence in result.wrong:
        print(f"  ! {sentence}", flush=True)
    return word


if __name__ == "__main__":
    sys.exit(main())
