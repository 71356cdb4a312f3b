"""Named points where a test may crash or stop a worker; switched off, each costs one dictionary look-up.

``OUTREACH_FAILPOINTS="before_call:kill:0.01,after_claim:stop:1:3"`` lists point, what to do, how likely, and how often it
is passed before that (0 unless given). Production refuses to start with it. The points, in the order a task meets them:

``before_claim`` ``after_reserve`` ``in_claim`` (attempts written, not committed) ``after_claim`` ``before_start``
``before_call`` ``in_call`` (looked, not yet sent) ``after_answer`` ``after_call`` (of the whole batch) ``in_settle`` (not
committed) ``after_settle`` ``before_release``; and ``after_reconcile`` (the network was asked, nothing done about it yet).
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass
from functools import cache

from django.conf import settings

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass
class _Point:
    """An armed point; ``skip`` counts down."""

    signal: signal.Signals
    chance: float
    skip: int = 0


@cache
def _armed(spec: str) -> dict[str, _Point]:
    points = {}
    for part in filter(None, spec.split(",")):
        name, deed, chance, *skip = part.split(":")
        points[name] = _Point(SIGNALS[deed], float(chance), *map(int, skip))
    return points


def reach(name: str) -> None:
    """Does nothing, unless the point is armed and chance says so: then the process is killed or stopped right here."""
    armed = _armed(settings.ENGINE["failpoints"]).get(name)
    if armed is None:
        return
    if armed.skip > 0:
        armed.skip -= 1
    elif random.random() < armed.chance:
        os.kill(os.getpid(), armed.signal)
