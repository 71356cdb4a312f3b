"""CHECKS 4: a crash at each edge of a task's life, many times each: nothing twice, counters exact."""

from __future__ import annotations

import signal
from collections import Counter

from accounts.models import Account
from automation.channels.sandbox.channel import SandboxChannel
from automation.enums import Priority
from automation.models import Lane
from tests.chaos import hands
from tests.chaos.harness import Result, main, say, scene

# Point, how often it is passed before the crash, and whether acts start one by one (a channel without proof).
EDGES: dict[str, tuple[str, int, bool]] = {
    "before claim": ("before_claim", 0, False),
    "after reservation": ("after_reserve", 0, False),
    "after attempt": ("in_claim", 0, False),
    "after claim": ("after_claim", 0, False),
    "claimed, not started": ("before_start", 0, True),
    "started, not called": ("before_call", 0, True),
    "before call": ("before_call", 1, False),
    "in call": ("in_call", 0, False),
    "after answer": ("after_answer", 0, False),
    "after batch": ("after_call", 0, False),
    "before outcome": ("in_settle", 0, False),
    "after outcome": ("after_settle", 0, False),
    "before release": ("before_release", 0, False),
}
QUEUED = 3  # messages an account has to send
AT_ONCE = 8
ROUNDS = 3  # on a busy machine a call may be over its deadline before the edge is reached: then another worker crashes there


def check(times: int = 200, batch: int = 100) -> Result:
    """Crash ``times`` at each edge, ``batch`` lanes to a network at a time."""
    result, crashed = Result(), Counter[str]()
    totals: Counter[str] = Counter()
    for _ in range(ROUNDS):
        plan = [edge for edge in EDGES for _ in range(times - crashed[edge])]
        for start in range(0, len(plan), batch):
            _crash(plan[start : start + batch], crashed, totals)
            say(f"  {min(start + batch, len(plan))} of {len(plan)} crashes")
    result.figures |= {
        "crashes": sum(crashed.values()),
        "edges": len(EDGES),
        "delivered": totals["delivered"],
    }
    result.zero(**{name: totals[name] for name in ("duplicates", "lost", "over_limit", "counters_off")})
    for edge in EDGES:
        result.holds(crashed[edge] == times, f"{times} crashes {edge} ({crashed[edge]})")
    return result


def _crash(edges: list[str], crashed: Counter[str], totals: Counter[str]) -> None:
    with scene(accounts=len(edges)) as stage:
        for account in stage.accounts:
            stage.limit(account, QUEUED)
        stage.queue(QUEUED * len(edges))
        for start in range(0, len(edges), AT_ONCE):
            some = edges[start : start + AT_ONCE]
            _put_first(stage.accounts[start : start + AT_ONCE])
            for edge, end in zip(some, hands.wait_all([_die(edge) for edge in some]), strict=True):
                crashed[edge] += end == signal.SIGKILL
        hands.finish(stage.settled, within=120)
        totals.update(stage.verdict().as_dict())
        totals["counters_off"] += stage.counters_off()


def _put_first(accounts: list[Account]) -> None:
    """Have these lanes leased before those that crashed already, whose leases end meanwhile."""
    Lane.objects.update(priority=Priority.NORMAL)
    Lane.objects.filter(account__in=accounts).update(priority=Priority.CRITICAL)


def _die(edge: str) -> int:
    point, skip, one_by_one = EDGES[edge]

    def deed() -> None:
        SandboxChannel.proves = not one_by_one
        hands.one_lane()

    return hands.fork(deed, failpoints=f"{point}:kill:1:{skip}")


if __name__ == "__main__":
    main(__doc__, check, times=200, batch=100)
