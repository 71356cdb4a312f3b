"""The dispatcher sleeps until some lane is due, and sees to it that a drain is there to run it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from django.conf import settings

from automation.engine import drain, lanes, policy
from automation.models import Lane
from outreach.lib import clock, events, processes, queue
from outreach.lib.notify import Listener

DRAIN_JOB = "automation.jobs.drain"
NUDGE_PATIENCE = 2.0  # seconds a nudge has before it counts as lost
BEAT_SECONDS = 4.0


def dispatch(go_on: Callable[[], bool]) -> None:
    """Nudge drains whenever lanes are due and too few drains run, until ``go_on()`` is false."""
    nudged_at, beaten = 0.0, 0.0
    with Listener([lanes.CHANNEL]) as listener:
        while go_on():
            processes.beat(kind="dispatcher")
            if time.monotonic() - beaten > BEAT_SECONDS:
                beaten = time.monotonic()
                events.emit("process.beat", kind="dispatcher", detail={})
            if time.monotonic() - nudged_at > NUDGE_PATIENCE and (missing := _missing_drains()):
                nudged_at = time.monotonic()
                for _ in range(missing):
                    queue.enqueue(DRAIN_JOB)
            listener.wait(_seconds_until_due(nudged_at))


def _missing_drains() -> int:
    """How many more drains the due lanes could use; one job slot stays free for everything else."""
    due = Lane.objects.due(clock.database_now())[:1000].count()
    if not due:
        return 0
    wanted = min(max(1, settings.WORKERS - 1), math.ceil(due / policy.count("lanes_at_once")))
    return max(0, wanted - drain.alive())


def _seconds_until_due(nudged_at: float) -> float:
    """How long nothing can become due without a notification; a fresh nudge is given its time first."""
    at = lanes.earliest()
    wait = BEAT_SECONDS if at is None else (at - clock.database_now()).total_seconds()
    patience = nudged_at + NUDGE_PATIENCE - time.monotonic()
    return min(max(wait, patience, 0.01), BEAT_SECONDS)
