"""CHECKS 3: a worker is stopped for three leases between looking and sending, others take over, then it wakes up."""

from __future__ import annotations

import time

from automation.channels.sandbox.channel import SandboxChannel
from automation.engine import policy
from tests.chaos import hands
from tests.chaos.harness import Result, Scene, main, scene

POINTS = ("before_call", "in_call", "after_claim", "before_start")
QUEUED = 4  # messages an account has to send


def check(times: int = 30) -> Result:
    """Stop ``times`` workers, each in a lane of its own; spread over the points between looking and sending."""
    with scene(accounts=times) as stage:
        stage.queue(QUEUED * times)
        stopped = [_stop(POINTS[number % len(POINTS)]) for number in range(times)]
        held = [pid for pid in stopped if hands.stopped(pid)]
        time.sleep(3 * policy.seconds("lane_lease_seconds"))
        hands.finish(stage.settled, within=60)
        hands.wake(stopped)
        hands.finish(stage.settled, within=60)
        return _result(stage, len(held), times)


def _stop(point: str) -> int:
    def deed() -> None:
        # Only a channel that cannot prove its acts starts them one by one.
        SandboxChannel.proves = point != "before_start"
        hands.one_lane()

    return hands.fork(deed, failpoints=f"{point}:stop:1")


def _result(stage: Scene, held: int, times: int) -> Result:
    verdict = stage.verdict()
    result = Result({"stopped": held, "delivered": verdict.delivered})
    result.zero(duplicates=verdict.duplicates, lost=verdict.lost, counters_off=stage.counters_off())
    result.holds(held == times, f"{times} workers stopped where they should")
    return result


if __name__ == "__main__":
    main(__doc__, check, times=30)
