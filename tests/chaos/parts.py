"""CHECKS 2: idle workers killed, and the sentinel or its parent: at work again within 30 s, nobody old, never two."""

from __future__ import annotations

import signal
import threading
import time

import psutil

from tests.chaos.harness import Result, Scene, main, say, scene, until
from tests.chaos.running import Up, send

AT_WORK_WITHIN = 30.0
GONE_WITHIN = 10.0


def check(rounds: int = 10, sends: int = 100) -> Result:
    """Kill all idle workers once, then ``rounds`` times the sentinel or its parent in turn."""
    result = Result()
    with scene() as stage, Up() as up, _Watch(up) as watch:
        until(lambda: len(up.workers()) > 1, within=30)
        idle = [one for one in up.workers() if send(one, signal.SIGKILL)]
        result.figures |= {"idle_killed": len(idle), "work_after_idle": _work(stage, sends, result)}
        left, slowest = 0, 0.0
        for number in range(rounds):
            found = (up.sentinels() if number % 2 == 0 else up.cluster())[:1]
            old = up.cluster() + up.sentinels() + up.crew() if number % 2 else up.sentinels() + up.crew()
            for one in found:
                send(one, signal.SIGKILL)
            gone = until(lambda old=old: not _alive(old), within=GONE_WITHIN)
            left += len(_alive(old))
            new = until(lambda: bool(up.workers()), within=AT_WORK_WITHIN)
            result.holds(new is not None, f"a new crew within {AT_WORK_WITHIN:.0f} s (round {number + 1})")
            slowest = max(slowest, gone or GONE_WITHIN)
        result.figures |= {"rounds": rounds, "slowest_end": round(slowest, 2)}
        result.figures["work_after_rounds"] = _work(stage, sends, result)
        verdict = stage.verdict()
        result.zero(left_alive=left, two_clusters=watch.two, duplicates=verdict.duplicates, lost=verdict.lost)
    return result


def _work(stage: Scene, sends: int, result: Result) -> float:
    """Queue ``sends``; seconds until the first of them arrived."""
    before = stage.arrived()
    stage.queue(sends)
    first = until(lambda: stage.arrived() > before, within=AT_WORK_WITHIN)
    result.holds(first is not None, f"at work again within {AT_WORK_WITHIN:.0f} s")
    result.holds(until(stage.settled, within=AT_WORK_WITHIN) is not None, f"{sends} sent after that")
    return round(first or AT_WORK_WITHIN, 2)


def _alive(old: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in old if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


class _Watch:
    """Looks all the time whether two sentinels live at once."""

    def __init__(self, up: Up) -> None:
        self.up, self.two, self._over = up, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            if len(_alive(self.up.sentinels())) > 1:
                time.sleep(0.05)  # a fork may have come between listing them and asking for their children
                found = _alive(self.up.sentinels())
                self.two += len(found) > 1
                if len(found) > 1:
                    say(f"  two sentinels: {found}")


if __name__ == "__main__":
    main(__doc__, check, rounds=10, sends=100)
