"""CHECKS 12: jobs and tasks that kill their worker, names and arguments that are no good: nothing stops, nothing is lost."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule

from automation.channels.base import Act, Done
from automation.channels.sandbox.channel import SandboxChannel
from automation.enums import Reason, TaskState
from automation.models import Task
from outreach.lib import queue
from tests.chaos import hands
from tests.chaos.harness import Result, main, percentile, scene, until, wipe
from tests.chaos.running import Up

TRIES = 3
WAIT = 5.0  # seconds a neighbour may wait (p95)
LOOP_SECONDS = 5.0  # then a worker counts as caught in a loop
WAYS_TO_DIE = ("exit", "segfault", "loop")


def check(neighbours: int = 100) -> Result:
    """Poison among ``neighbours`` jobs, then among as many tasks."""
    result = Result()
    wipe()
    _jobs(result, neighbours)
    _tasks(result, neighbours)
    return result


# --- Jobs --------------------------------------------------------------------------------------------------
def _jobs(result: Result, neighbours: int) -> None:
    told = Path(settings.DATA_DIR) / "told"
    told.write_text("")
    queue.enqueue("tests.jobs.write_line", str(told), "kept")
    with Up(SECRET_KEY="another one"):  # what was queued under the old key
        kept = until(lambda: "kept" in told.read_text(), within=30)
        result.holds(kept is not None, "a job queued before SECRET_KEY was rotated runs")
        for way in WAYS_TO_DIE:
            queue.enqueue(f"tests.chaos.poison.{way}", timeout=2)
        queue.enqueue("tests.jobs.renamed_since")
        _bad_schedules()
        refused = _unpicklable()
        waits = _neighbours(told, neighbours)
        gone = until(lambda: _hurry() == {*WAYS_TO_DIE, "renamed_since"}, within=90, every=1)
        result.holds(gone is not None, f"all poison given up ({sorted(_given_up())})")
        ran = until(lambda: "scheduled" in told.read_text(), within=30)
        result.holds(ran is not None, "a good schedule runs beside bad ones")
    result.figures |= {"jobs_p95_wait": round(percentile(waits, 0.95), 2), "poison_jobs": len(_given_up())}
    result.holds(percentile(waits, 0.95) < WAIT, f"neighbours' p95 wait under {WAIT:.0f} s")
    result.zero(
        jobs_lost=neighbours - len(waits), unpicklable_stored=not refused, jobs_left=OrmQ.objects.count()
    )


def _given_up() -> set[str]:
    return {name.rpartition(".")[2] for name in Failure.objects.values_list("func", flat=True)}


def _hurry() -> set[str]:
    """What was given up so far. A job whose worker died comes back after ``retry`` seconds, six minutes: we come first."""
    OrmQ.objects.filter(payload__regex=r"poison\.(exit|segfault)").update(lock=timezone.now())
    return _given_up()


def _bad_schedules() -> None:
    now = timezone.now()
    bad = {"schedule_type": Schedule.MINUTES, "minutes": 1, "next_run": now}
    Schedule.objects.create(name="bad arguments", func="tests.jobs.write_line", args="(((", **bad)
    Schedule.objects.create(name="bad type", func="tests.jobs.write_line", schedule_type="?", next_run=now)
    told = str(Path(settings.DATA_DIR) / "told")
    Schedule.objects.create(name="good", func="tests.jobs.write_line", args=repr((told, "scheduled")), **bad)


def _unpicklable() -> bool:
    """Whether an argument that cannot be stored is refused where it is passed."""
    try:
        queue.enqueue("tests.jobs.write_line", lambda: None)  # type: ignore[arg-type]
    except TypeError:
        return True
    return False


def _neighbours(told: Path, count: int) -> list[float]:
    """Queue ordinary jobs between the poison; seconds until each began."""
    asked: dict[str, float] = {}
    for number in range(count):
        asked[f"neighbour-{number}"] = time.time()
        queue.enqueue("tests.jobs.write_line", str(told), f"neighbour-{number}")
        time.sleep(0.1)
    until(lambda: told.read_text().count("neighbour-") >= count, within=60)
    began = [line.split()[:2] for line in told.read_text().splitlines()]
    return [float(at) - asked.pop(name) for name, at in began if name in asked]


def exit() -> None:
    """End the worker at once."""
    os._exit(1)


def segfault() -> None:
    """As a bug in foreign code would."""
    ctypes.string_at(0)


def loop() -> None:
    """Until somebody kills us."""
    while True:
        pass


# --- Tasks -------------------------------------------------------------------------------------------------
def _tasks(result: Result, neighbours: int) -> None:
    """Three messages kill whoever sends them, each in another way; workers are replaced until all is settled."""
    with scene(accounts=5) as stage:
        for way in WAYS_TO_DIE:
            stage.queue(1, accounts=stage.accounts[:1], text=f"poison {way}")
        stage.queue(neighbours)
        deaths = 0
        deadline = time.monotonic() + 150
        while not stage.settled() and time.monotonic() < deadline:
            try:
                deaths += hands.ended(hands.fork(_poisoned), within=LOOP_SECONDS, end_by=signal.SIGKILL) != 0
            except TimeoutError:
                deaths += 1
        poison = Task.objects.filter(payload__text__startswith="poison")
        parked = poison.filter(state=TaskState.UNKNOWN, reason=Reason.POISON).count()
        sent = stage.tasks.filter(state=TaskState.COMPLETED).count()
        result.figures |= {
            "workers_killed_by_tasks": deaths,
            "poison_tasks_parked": parked,
            "neighbours_sent": sent,
        }
        result.holds(parked == len(WAYS_TO_DIE), f"{len(WAYS_TO_DIE)} poison tasks parked ({parked})")
        result.holds(
            deaths <= TRIES * len(WAYS_TO_DIE), f"each killed {TRIES} workers at most ({deaths} in all)"
        )
        result.zero(tasks_lost=neighbours - sent, duplicates=stage.verdict().duplicates)


def _poisoned() -> None:
    """Run lanes with a driver that some messages kill."""
    send = SandboxChannel.message

    def message(self: SandboxChannel, act: Act) -> Done:
        if act.text.startswith("poison"):
            globals()[act.text.split()[1]]()
        return send(self, act)

    SandboxChannel.message = message  # type: ignore[method-assign]
    hands.all_lanes()


if __name__ == "__main__":
    main(__doc__, check, neighbours=100)
