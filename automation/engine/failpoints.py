"""Named points where a test may crash or stop a worker; switched off, each costs one dictionary look-up.

``OUTREACH_FAILPOINTS="before_call:kill:0.01,after_claim:stop:0.001"`` lists point, what to do, and how likely. Production
refuses to start with it.
"""

from __future__ import annotations

import os
import random
import signal
from functools import cache

from django.conf import settings

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@cache
def _armed(spec: str) -> dict[str, tuple[signal.Signals, float]]:
    points = {}
    for part in filter(None, spec.split(",")):
        name, deed, chance = part.split(":")
        points[name] = (SIGNALS[deed], float(chance))
    return points


def reach(name: str) -> None:
    """Does nothing, unless the point is armed and chance says so: then the process is killed or stopped right here."""
    armed = _armed(settings.ENGINE["failpoints"]).get(name)
    if armed and random.random() < armed[1]:
        os.kill(os.getpid(), armed[0])
