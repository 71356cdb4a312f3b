"""From a task's commit to the start of its attempt, on an installation that has nothing else to do."""

from __future__ import annotations

import random
import time
from argparse import Namespace
from dataclasses import dataclass
from datetime import datetime

from tests.benchmarks import environment, figures, parts, report, seed

# isort: split
from django.conf import settings
from django.db import transaction

from accounts.enums import ActionKind
from automation.engine import tasks
from automation.engine.tasks import NewTask
from leads.models import Profile

SUMMARY = (
    "Milliseconds from just before a task's COMMIT to its attempt's `started_at`, both by the database's clock, one task at "
    "a time after a random idle pause. `warm` came while a drain still listened, `cold` after every drain had ended."
)
ACCOUNTS = 20  # half of them start their acts in batches, half one by one
SETTLE_SECONDS = 5.0
STARTS = """
SELECT task.id, EXTRACT(EPOCH FROM attempt.started_at) FROM automation_task AS task
JOIN automation_attempt AS attempt ON attempt.task_id = task.id AND attempt.number = 1
WHERE attempt.started_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Woken:
    """One task: when it was committed, and whether no drain was there to hear of it."""

    task_id: int
    at: datetime
    cold: bool


def main() -> None:
    options = arguments()
    with environment.installation():
        ids = seed.accounts(ACCOUNTS // 2) + seed.more_accounts(ACCOUNTS // 2, proves=False)
        with parts.engine(workers=options.workers) as running:
            add(ids, cold=True)  # imports and connections are not what is measured
            time.sleep(SETTLE_SECONDS)
            woken = sample(ids, options, running)
            time.sleep(SETTLE_SECONDS)
        report.publish("wake", SUMMARY, judged(woken), options)


def arguments() -> Namespace:
    parser = report.parser(
        "Milliseconds from a task's commit to the start of its attempt, on an idle installation."
    )
    parser.add_argument("--samples", type=int, default=300, help="Tasks in all (default 300).")
    parser.add_argument("--cold", type=float, default=0.15, help="Share that comes after all drains ended.")
    parser.add_argument("--workers", type=int, default=2, help="Drains that may work (default 2).")
    return parser.parse_args()


def sample(ids: list[int], options: Namespace, running: list[parts.Part]) -> list[Woken]:
    """Add a task, pause, add the next. Cold ones are dealt out evenly: each has to wait until the drains have ended."""
    linger = float(settings.ENGINE["drain_linger_seconds"])
    woken = []
    for number in range(options.samples):
        cold = int((number + 1) * options.cold) > int(number * options.cold)
        pause = linger + random.uniform(0.5, 1.5) if cold else random.uniform(0.05, 0.5)
        time.sleep(pause)
        for part in running:
            part.check()
        woken.append(add(ids, cold=cold))
        if (number + 1) % 50 == 0:
            report.say(f"{number + 1} of {options.samples} tasks")
    return woken


def add(ids: list[int], *, cold: bool) -> Woken:
    """One task on one of the accounts, timed just before its COMMIT, which therefore counts as waiting."""
    profile = Profile.objects.order_by("?").first()
    key = f"wake-{time.monotonic_ns()}"
    with transaction.atomic():
        task = tasks.add(NewTask(random.choice(ids), ActionKind.FOLLOW, key, profile=profile))
        at = environment.value("SELECT clock_timestamp()")
    return Woken(task.pk, at, cold)


def judged(woken: list[Woken]) -> dict[str, float | int]:
    """Percentiles in milliseconds; SystemExit when a task never started."""
    starts = {task_id: float(started) for task_id, started in environment.rows(STARTS)}
    missing = [one.task_id for one in woken if one.task_id not in starts]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(woken)} tasks did not start within {SETTLE_SECONDS:.0f} s.")
    waits = {one: 1000 * (starts[one.task_id] - one.at.timestamp()) for one in woken}
    warm = [wait for one, wait in waits.items() if not one.cold]
    cold = [wait for one, wait in waits.items() if one.cold]
    found: dict[str, float | int] = {"samples": len(woken)}
    for prefix, part in (("", [*warm, *cold]), ("warm_", warm), ("cold_", cold)):
        if part:
            found[f"{prefix}p50_ms"] = figures.rounded(figures.percentile(part, 0.5))
            found[f"{prefix}p99_ms"] = figures.rounded(figures.percentile(part, 0.99))
    return found


if __name__ == "__main__":
    main()
