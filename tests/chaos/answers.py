"""CHECKS 5: the answer is lost after acting: proved by the network and settled, or parked, but never sent again."""

from __future__ import annotations

from automation.channels.base import Act, Finding, Proof
from automation.channels.sandbox.channel import SandboxChannel
from automation.enums import Reason, TaskState
from tests.chaos import hands
from tests.chaos.harness import Result, Scene, main, scene

FAULTS = ("drop", "truncate", "garble", "error_after")


def check(times: int = 500) -> Result:
    """Lose ``times`` answers of a network that can prove its acts, and as many of one that cannot."""
    result = Result()
    with scene(accounts=10) as stage:
        lost = _lose(stage, times, hands.all_lanes)
        resolved = stage.tasks.filter(state=TaskState.COMPLETED).count()
        verdict = stage.verdict()
        result.figures |= {"provable": lost, "resolved": resolved}
        result.zero(duplicates=verdict.duplicates, lost=verdict.lost, resent=_surplus(stage, times))
        result.holds(lost == times and resolved == times, f"{times} answers lost, {times} resolved")
        result.zero(counters_off=stage.counters_off())
    with scene(accounts=10) as stage:
        lost = _lose(stage, times, _blindly)
        parked = stage.tasks.filter(state=TaskState.UNKNOWN, due_at=None, reason=Reason.PARKED).count()
        result.figures |= {"unprovable": lost, "parked": parked}
        result.zero(resent_unprovable=_surplus(stage, times), counters_off_unprovable=stage.counters_off())
        result.holds(lost == times and parked == times, f"{times} answers lost, {times} parked")
    return result


def _lose(stage: Scene, times: int, deed: hands.Deed) -> int:
    """Send ``times`` messages whose answers get lost; returns how many did."""
    stage.control.forget_requests()
    for number, fault in enumerate(FAULTS):
        stage.control.fault(fault, kind="dm", probability=1.0, count=times // 4 + (number < times % 4))
    stage.queue(times)
    hands.finish(stage.settled, within=300, deed=deed)
    return sum(rule["hits"] for rule in stage.control.faults())


def _blindly() -> None:
    """Run lanes with a driver that cannot tell afterwards what took place."""

    def reconcile(self: SandboxChannel, act: Act) -> Finding:
        return Finding(Proof.NONE)

    SandboxChannel.proves, SandboxChannel.reconcile = False, reconcile
    hands.all_lanes()


def _surplus(stage: Scene, times: int) -> int:
    """Requests to act beyond one a message."""
    return sum(seen.kind == "dm" for seen in stage.control.requests()) - times


if __name__ == "__main__":
    main(__doc__, check, times=500)
