"""Starts the parts, replaces what ends or freezes, and stops them together."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from monitoring.supervision.parts import Part
from outreach.lib import processes

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds between two looks at whether a part has ended
LOOK_EVERY = 2.0  # seconds between two looks at whether each is well
STOP_WITHIN = 28.0  # seconds from the first signal until what still runs is killed
BACKOFF = (
    0.5,
    10.0,
)  # seconds before a part that ended soon after its start is started again: first, longest
SETTLED = 60.0  # seconds of running after which earlier ends are forgotten
ACTING_EVERY = 5.0
ACTING_AGAIN = (30.0, 600.0)  # seconds before acting parts are replaced once more for work that nobody does


class Supervisor:
    """Keeps ``parts`` running until a signal.

    ``acting`` says what is wrong with the work that several of them share; ``changed`` hears of the running parts when
    one was started, ``ended`` of the name and process id of one that was replaced.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        acting: Callable[[], str],
        changed: Callable[[Sequence[Part]], None],
        ended: Callable[[str, int], None],
    ) -> None:
        self.parts = list(parts)
        self.acting = acting
        self.changed = changed
        self.ended = ended
        self.signals = 0
        self._start_at = dict.fromkeys((part.plan.name for part in self.parts), 0.0)
        self._delays = dict.fromkeys((part.plan.name for part in self.parts), 0.0)
        self._looked = self._acting_looked = 0.0
        self._acting_pause, self._acting_after = ACTING_AGAIN[0], 0.0

    def run(self) -> None:
        """Until SIGTERM, SIGINT or SIGHUP; a second signal hurries. Nothing of any part runs when this returns."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks us to outlive the terminal
                signal.signal(number, self._on_signal)
        try:
            while not self.signals:
                self._start_due()
                self._look()
                processes.reap_strangers({part.pid for part in self.parts if part.pid})
                time.sleep(TICK)
            self._ask_to_stop()
        finally:
            for part in self.parts:
                part.kill()

    def _start_due(self) -> None:
        started = False
        for part in self.parts:
            if (
                part.process is None
                and time.monotonic() >= self._start_at[part.plan.name]
                and part.is_wanted()
            ):
                part.start()
                started = True
        if started:
            self.changed([part for part in self.parts if part.process])

    def _look(self) -> None:
        thorough = time.monotonic() - self._looked > LOOK_EVERY
        for part in self.parts:
            if part.rests():
                self._let_rest(part)
            if part.process and (thorough or part.ended()) and (ailment := part.ailment()):
                self._replace(part, ailment)
        if thorough:
            self._look_at_acting()
            self._looked = time.monotonic()

    def _let_rest(self, part: Part) -> None:
        """It ended because nobody wanted it; what it may have left goes too."""
        pid = part.pid or 0
        if not part.kill():
            self.ended(part.plan.name, pid)
            self.changed([one for one in self.parts if one.process])

    def _replace(self, part: Part, why: str) -> None:
        logger.error("Part %s %s; it is replaced", part.plan.name, why)
        uptime, pid = part.uptime, part.pid
        left = part.kill()
        if left:
            # Never two at once: it is tried again at the next look, and nothing is started meanwhile.
            logger.critical("Processes %s of part %s cannot be killed", left, part.plan.name)
            return
        name, (first, longest) = part.plan.name, BACKOFF
        self.ended(name, pid or 0)
        self._delays[name] = first if uptime > SETTLED else min(longest, self._delays[name] * 2 or first)
        self._start_at[name] = time.monotonic() + self._delays[name]

    def _look_at_acting(self) -> None:
        """Replace the dispatcher, and a cluster that has workers free, when due work lies about."""
        now = time.monotonic()
        if now - self._acting_looked < ACTING_EVERY:
            return
        self._acting_looked = now
        acting = [part for part in self.parts if part.plan.name in {"cluster", "dispatcher"} and part.process]
        if now < self._acting_after or any(part.uptime < part.SETTLE for part in acting):
            return
        trouble = self.acting()
        if not trouble:
            self._acting_pause = ACTING_AGAIN[0]
            return
        for part in acting:
            if part.last_detail().get("idle", 1) > 0:
                self._replace(part, f"does not do its work: {trouble}")
        self._acting_after, self._acting_pause = (
            now + self._acting_pause,
            min(self._acting_pause * 2, ACTING_AGAIN[1]),
        )

    def _ask_to_stop(self) -> None:
        deadline = time.monotonic() + STOP_WITHIN
        for part in self.parts:
            part.ask_to_stop()
        while (
            time.monotonic() < deadline and self.signals < 2 and not all(part.ended() for part in self.parts)
        ):
            time.sleep(0.05)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1
