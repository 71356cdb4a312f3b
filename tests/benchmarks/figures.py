"""The arithmetic of measurements: medians of interleaved rounds, percentiles, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

Measure = Callable[[], float]
Say = Callable[[str], None]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of all samples do not exceed; ValueError without any."""
    if not samples:
        raise ValueError("There are no samples.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not {share}.")
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float, theirs: float) -> float:
    """How many times theirs ours is, to three digits; 0.0 where theirs is nothing, since nothing was compared."""
    return rounded(ours / theirs) if theirs else 0.0


def rounded(number: float, digits: int = 3) -> float:
    """To so many significant digits: what lies beyond is noise."""
    if number == 0 or not math.isfinite(number):
        return number
    return round(number, digits - 1 - math.floor(math.log10(abs(number))))


def interleave(contenders: Mapping[str, Measure], rounds: int, say: Say) -> dict[str, list[float]]:
    """Measure A B C, C B A, A B C ... and return what each did in each round; see :func:`medians`.

    Every other round runs backwards: who always comes after the same neighbour inherits what it left behind.
    """
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in order:
            seen[name].append(contenders[name]())
            say(f"round {number + 1} of {rounds}: {name} {seen[name][-1]:,.1f}")
    return seen


def medians(seen: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The middle round of each contender, so that one slow minute of the machine decides nothing."""
    return {name: rounded(statistics.median(values), 4) for name, values in seen.items()}


def spread(seen: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The slowest and the fastest round of each: ratios that lie within each other's spread say nothing."""
    return {name: [rounded(min(values)), rounded(max(values))] for name, values in seen.items()}
