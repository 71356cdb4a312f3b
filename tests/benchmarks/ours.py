"""The engine at work: real cluster and dispatcher processes, tasks that wait, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks import seed
from tests.benchmarks.environment import checkpoint, value
from tests.benchmarks.parts import Part, cpu_seconds, engine, patiently

WARM_UP = 500  # tasks: imports, connections and plans are made with them
FASTEST = {
    True: 12_000,
    False: 2_000,
}  # tasks a second given, by whether they go in batches: more than it can do
WARM_UP_SECONDS = 240.0  # ten thousand lanes take their time


class Unwell(RuntimeError):
    """Tasks ended otherwise than completed, or not at all: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many tasks were completed in how many seconds, and what it took.

    ``worker_cpu`` is processor time in seconds, ``put_back`` counts attempts given up because their batch took too long.
    """

    tasks: int
    seconds: float
    worker_cpu: float
    put_back: int

    @property
    def per_second(self) -> float:
        return self.tasks / self.seconds


def measure(
    *,
    proves: bool,
    seconds: float,
    workers: int,
    lanes: int,
    clusters: int = 1,
    kind: str = "follow",
    ready: Callable[[], object] = lambda: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Pace:
    """Start the engine, let it warm up, give it more than it can do, and see what it completes in ``seconds``.

    ``ready`` is called when it has warmed up and its work is there, ``meanwhile`` when it has begun with that.
    """
    ids = seed.accounts(lanes, proves=proves)
    with engine(workers=workers, clusters=clusters) as parts:
        _warm_up(parts, ids, kind)
        seed.tasks(ids, int(FASTEST[proves] * clusters * seconds), kind=kind)
        checkpoint()
        ready()
        return run(parts, ids, seconds, meanwhile)


def run(parts: Sequence[Part], ids: list[int], seconds: float, meanwhile: Callable[[], object]) -> Pace:
    """Wake the lanes and count what is completed until ``seconds`` are over or nothing is left.

    The clock starts with the first task that is completed, as it does for the rivals: how soon that is, ``wake`` measures.
    """
    woken = value("SELECT clock_timestamp()")
    seed.wake(ids)
    for _ in patiently(parts, WARM_UP_SECONDS, pause=0.02):
        if value(
            "SELECT EXISTS (SELECT FROM automation_task WHERE state = 'completed' AND finished_at > %s)",
            woken,
        ):
            break
    cpu = cpu_seconds(parts)
    began = value("SELECT clock_timestamp()")
    meanwhile()
    for _ in patiently(parts, seconds, pause=0.25):
        if not value("SELECT EXISTS (SELECT FROM automation_task WHERE state IN ('pending', 'running'))"):
            break
    count, lasted = _completed_since(began, seconds)
    wrong = value("SELECT count(*) FROM automation_task WHERE state IN ('failed', 'cancelled', 'unknown')")
    if wrong or not count:
        raise Unwell(f"{count} tasks were completed, {wrong} ended otherwise. See the logs beside the data.")
    put_back = value(
        "SELECT count(*) FROM automation_attempt WHERE state = 'abandoned' AND claimed_at > %s", began
    )
    return Pace(count, lasted, cpu_seconds(parts) - cpu, put_back)


def _warm_up(parts: Sequence[Part], ids: list[int], kind: str) -> None:
    """A few tasks for each lane, until all are completed."""
    count = max(WARM_UP, 2 * len(ids))
    seed.tasks(ids, count, kind=kind)
    seed.wake(ids)
    for _ in patiently(parts, WARM_UP_SECONDS):
        if not value("SELECT EXISTS (SELECT FROM automation_task WHERE state <> 'completed')"):
            return
    raise Unwell(f"{count} tasks to warm up were not completed within {WARM_UP_SECONDS:.0f} s.")


def _completed_since(began: object, seconds: float) -> tuple[int, float]:
    """Tasks whose outcome was recorded within the time, and the seconds until the last of them."""
    found = "FROM automation_task WHERE finished_at BETWEEN %s AND %s + %s * interval '1 second'"
    count = value(f"SELECT count(*) {found} AND state = 'completed'", began, began, seconds)
    lasted = value(f"SELECT EXTRACT(EPOCH FROM max(finished_at) - %s) {found}", began, began, began, seconds)
    return count, float(lasted or seconds)
