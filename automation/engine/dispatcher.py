"""The dispatcher sleeps until some lane is due, and sees to it that a drain is there to run it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from automation.engine import drain, lanes, policy
from automation.engine.agenda import Agenda
from automation.models import Lane
from outreach.lib import clock, events, processes, queue
from outreach.lib.notify import Listener

log = structlog.get_logger(__name__)
DRAIN_JOB = "automation.jobs.drain"
NUDGE_PATIENCE = 2.0  # seconds a nudge has before it counts as lost
BEAT_SECONDS = 4.0
RECONNECT_SECONDS = 1.0
PAUSE = 0.02  # seconds between two looks at least
AT_WORK = 0.25  # seconds until the next look while drains are at work on what is due


def dispatch(go_on: Callable[[], bool]) -> None:
    """Nudge drains whenever lanes are due and too few drains run, until ``go_on()`` is false.

    A database that goes away is waited for: this part is the first to notice that it is back.
    """
    while go_on():
        try:
            _dispatch(go_on)
        except (OperationalError, InterfaceError) as error:
            log.warning("database_away", error=str(error))
            connection.close()
            processes.beat(kind="dispatcher")
            time.sleep(RECONNECT_SECONDS)


def _dispatch(go_on: Callable[[], bool]) -> None:
    nudged_at, beaten = -NUDGE_PATIENCE, -BEAT_SECONDS
    agenda = Agenda(pause=PAUSE)
    with Listener([lanes.CHANNEL]) as listener:
        while go_on():
            now = time.monotonic()
            processes.beat(kind="dispatcher")
            if now - beaten > BEAT_SECONDS:
                beaten = now
                events.emit("process.beat", kind="dispatcher", detail={})
            if agenda.due:
                if now - nudged_at > NUDGE_PATIENCE and _nudge():
                    nudged_at = now
                agenda.looked(_seconds_until_due(nudged_at))
            agenda.hear(listener.wait(min(agenda.seconds, BEAT_SECONDS)))


def _nudge() -> bool:
    """Ask for as many drains as are missing; true if any was."""
    missing = _missing_drains()
    for _ in range(missing):
        queue.enqueue(DRAIN_JOB)
    return missing > 0


def _missing_drains() -> int:
    """How many more drains the due lanes could use; one job slot stays free for everything else."""
    due = Lane.objects.due(clock.database_now())[:1000].count()
    if not due:
        return 0
    wanted = min(max(1, settings.WORKERS - 1), math.ceil(due / policy.count("lanes_at_once")))
    return max(0, wanted - drain.alive_here())


def _seconds_until_due(nudged_at: float) -> float | None:
    """How long nothing can become due without a notification; a fresh nudge is given its time first."""
    seconds = lanes.seconds_until_due()
    patience = nudged_at + NUDGE_PATIENCE - time.monotonic()
    return seconds if seconds is None else max(seconds, patience, AT_WORK)
