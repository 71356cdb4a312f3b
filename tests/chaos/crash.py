"""CHECKS 1: processes are killed, or stopped for three leases, all through a run of direct messages."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

from automation.engine import attempts
from automation.models import Attempt
from tests.chaos.harness import Result, Scene, main, patiently, say, scene
from tests.chaos.running import Up, send

ACCOUNTS = 40
UP_ITSELF = 25  # every so many kills the supervisor itself is killed, and started again
# A frozen part is replaced after 8 s: leases are shorter still, so that those who were stopped do wake up again.
PAUSE_TIMES = {"SANDBOX_DEADLINE": 0.5, "LANE_LEASE_SECONDS": 2.5}
PAUSE_SECONDS = 7.6
CRASHES_INSIDE = ",".join(
    f"{point}:kill:{chance}"
    for points, chance in (
        (("in_claim", "after_claim", "in_settle", "after_settle"), 0.004),
        (("before_call", "after_answer"), 0.0005),
    )
    for point in points
)


def check(
    sends: int = 5000, kills: int = 50, lose: float = 0.0, pauses: int = 0, failpoints: bool = False,
    minutes: float = 30.0,
) -> Result:  # fmt: skip
    """Queue ``sends``, kill or pause all the while, and count at the network what became of them."""
    times = {
        **(PAUSE_TIMES if pauses else {}),
        **({"OUTREACH_FAILPOINTS": CRASHES_INSIDE} if failpoints else {}),
    }
    with scene(accounts=ACCOUNTS) as stage:
        may_leave = _set_limits(stage, sends)
        if lose:
            stage.control.fault("drop", kind="dm", probability=lose, seed=random.randrange(1 << 30))
        stage.queue(sends)
        with Up(**times) as up:
            began = time.monotonic()
            killed, paused = _torment(stage, up, may_leave, kills, pauses, began + minutes * 60)
        result = _result(stage, killed, paused, time.monotonic() - began)
        result.holds(paused >= pauses, f"{pauses} pauses landed before all was sent ({paused})")
        if failpoints:
            dead = Attempt.objects.filter(error=attempts.WORKER_ENDED).count()
            result.figures["found_dead"] = dead  # attempts; crashes between two batches leave none
            result.holds(dead > 0, "workers died inside")
        return result


def _set_limits(stage: Scene, sends: int) -> int:
    """Every fourth account may send less than it has to, so that its last messages wait for tomorrow.

    Returns how many may leave today.
    """
    share, rest = divmod(sends, ACCOUNTS)
    may_leave = 0
    for number, account in enumerate(stage.accounts):
        stage.limit(account, max(1, share * 4 // 5) if number % 4 == 0 else share + 1)
        may_leave += min(stage.limits[account.handle], share + (number < rest))
    return may_leave


def _torment(
    stage: Scene, up: Up, may_leave: int, kills: int, pauses: int, deadline: float
) -> tuple[Counter[str], int]:
    """Spread the kills and pauses over the run by how far it has come, until all is settled."""
    killed: Counter[str] = Counter()
    paused, told = 0, 0.0
    while not stage.settled() or sum(killed.values()) < kills:
        if time.monotonic() > deadline:
            say("The time is over before everything was settled.")
            break
        share = stage.arrived() / may_leave
        if sum(killed.values()) < min(kills, share * (kills + 1)) or (
            stage.settled() and sum(killed.values()) < kills
        ):
            _kill(up, killed)
        if paused < min(pauses, share * (pauses + 1)):
            paused += _pause(up)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say(
                f"  {share:.0%} arrived, {sum(killed.values())} kills, {paused} pauses, {patiently(stage.open)} open"
            )
        time.sleep(0.2)
    return killed, paused


def _kill(up: Up, killed: Counter[str]) -> None:
    if sum(killed.values()) % UP_ITSELF == UP_ITSELF - 1:
        up.kill()
        killed["up"] += 1
        up.start()
    elif (victim := up.victim()) and send(victim[1], signal.SIGKILL):
        killed[victim[0]] += 1


def _pause(up: Up) -> int:
    """Stop half of those who run lanes for three leases at once; returns how many."""
    chosen = [one for one in up.draining()[:2] if send(one, signal.SIGSTOP)]
    if chosen:
        time.sleep(PAUSE_SECONDS)
    return sum(send(one, signal.SIGCONT) for one in chosen)


def _result(stage: Scene, killed: Counter[str], paused: int, seconds: float) -> Result:
    verdict = stage.verdict()
    result = Result({"delivered": verdict.delivered, "deferred": verdict.deferred})
    result.zero(duplicates=verdict.duplicates, lost=verdict.lost, over_limit=verdict.over_limit)
    result.figures |= {
        "kills": sum(killed.values()),
        "seconds": round(seconds, 1),
        "pauses": paused,
        "killed": dict(killed),
    }
    result.zero(counters_off=stage.counters_off(), units_unused=stage.units_unused())
    result.holds(
        verdict.delivered + verdict.deferred == verdict.sends, f"{verdict.sends} delivered or deferred"
    )
    odd = Counter(stage.tasks.exclude(state="completed").values_list("state", "reason"))
    result.figures["not_completed"] = {
        f"{state} {reason}".strip(): count for (state, reason), count in odd.items()
    }
    return result


if __name__ == "__main__":
    main(__doc__, check, sends=5000, kills=50, lose=0.0, pauses=0, failpoints=False, minutes=30.0)
