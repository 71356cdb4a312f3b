"""The engine's numbers, from settings.ENGINE."""

from __future__ import annotations

import random

from django.conf import settings

RETRY_CEILING = 300.0  # seconds; a longer outage is the breaker's business
POISON_AFTER = 3  # workers that died with a task before a person must look


def seconds(name: str) -> float:
    """One engine setting as a number."""
    return float(settings.ENGINE[name])


def count(name: str) -> int:
    """One engine setting as a whole number."""
    return int(settings.ENGINE[name])


def backoff(attempt: int) -> float:
    """Seconds before the next try after ``attempt`` failed ones: 1, 2, 4 ... doubled, capped, with up to 25 % jitter."""
    delay = min(seconds("retry_base_seconds") * 2.0 ** (attempt - 1), RETRY_CEILING)
    return delay * (1 + random.random() / 4)


def jittered_gap(gap: float) -> float:
    """The pause after an act upon a person: ``gap`` and up to a third more, so that nothing beats like a clock."""
    return gap * (1 + random.random() / 3)
