"""What a purge of a million old tasks costs those who work meanwhile: claims with and without it, in turns."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import dataclass, field

from tests.benchmarks import environment, figures, report, seed
from tests.benchmarks.claim import sample

SUMMARY = (
    "`manage.py purge` deletes old tasks with their attempts while lanes are claimed, 50 tasks at a time. It is stopped and "
    "let go on in turns of a few seconds, so that both kinds of turn see the same machine. `slower_percent` is what claims, "
    "with settling and leasing, lose in the turns in which it runs."
)
CLAIMS = 5  # between two looks at the clock

OLD = """
WITH old AS (
    INSERT INTO automation_task (lane_id, kind, priority, state, finished_at, reason, detail, attempt_count, failure_count,
        dedupe_key, send_id, payload, remote_id, url)
    SELECT lane.id, 'follow', 2, 'completed', now() - interval '8 days' - n * interval '1 second', '', '', 1, 0,
        'old-' || n, gen_random_uuid(), '{}', '', ''
    FROM generate_series(0, %(count)s - 1) AS n
    JOIN unnest(%(lanes)s::bigint[]) WITH ORDINALITY AS lane(id, place) ON lane.place = 1 + n %% %(lane_count)s
    RETURNING id)
INSERT INTO automation_attempt (task_id, number, state, deadline, worker, allowances, claimed_at, started_at, finished_at, error)
SELECT id, 1, 'done', now() - interval '8 days', 'gone', '{}', now(), now(), now(), '' FROM old
"""


@dataclass
class Turns:
    """What was seen in one kind of turn."""

    seconds: float = 0.0
    claims: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.claims) / self.seconds


def main() -> None:
    options = arguments()
    with environment.installation():
        ids = seed.accounts(options.lanes)
        write_old(ids, options.old)
        seed.tasks(ids, options.waiting)
        environment.rows("VACUUM ANALYZE automation_task, automation_attempt")
        environment.checkpoint()
        seed.wake(ids)
        sample(50, proves=True)  # plans and caches
        report.publish("purge", SUMMARY, measured(options), options)


def arguments() -> Namespace:
    parser = report.parser("What a purge costs claims.")
    parser.add_argument("--old", type=int, default=1_000_000, help="Old tasks to delete (default 1,000,000).")
    parser.add_argument("--waiting", type=int, default=500_000, help="Tasks to claim (default 500,000).")
    parser.add_argument("--lanes", type=int, default=500, help="Accounts they are spread over (default 500).")
    parser.add_argument("--turn", type=float, default=3.0, help="Seconds of a turn (default 3).")
    parser.add_argument("--turns", type=int, default=20, help="Turns of each kind (default 20).")
    parser.add_argument("--to-the-end", action="store_true", help="Let the purge finish afterwards.")
    return parser.parse_args()


def write_old(ids: list[int], count: int) -> None:
    """Completed tasks of eight days ago and more, each with its attempt."""
    with environment.connection.cursor() as cursor:
        cursor.execute(OLD, {"lanes": ids, "lane_count": len(ids), "count": count})


def measured(options: Namespace) -> dict[str, float]:
    """Claims in turns alone and beside the purge, then the purge to its end."""
    alone, beside = Turns(), Turns()
    purge = subprocess.Popen(
        [sys.executable, "manage.py", "purge", "--json"], cwd=environment.ROOT, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        while left() == options.old and purge.poll() is None:
            time.sleep(0.5)  # starting is nothing a purge in a worker has to do
        before = left()
        for turn in range(options.turns):
            watch(alone, purge, options.turn, running=False)
            watch(beside, purge, options.turn, running=True)
            report.say(f"{turn + 1}: {alone.per_second:.0f} claims/s alone, {beside.per_second:.0f} beside")
        gone = before - left()
        report.say(f"{gone:,} gone meanwhile")
        if options.to_the_end:
            purge.send_signal(signal.SIGCONT)
            purge.wait()
    finally:
        purge.kill()
        purge.wait()
    return {
        "claims_per_s_alone": figures.rounded(alone.per_second),
        "claims_per_s_beside": figures.rounded(beside.per_second),
        "slower_percent": figures.rounded(100 * (1 - beside.per_second / alone.per_second)),
        "claim_p95_ms_alone": figures.rounded(figures.percentile(alone.claims, 0.95)),
        "claim_p95_ms_beside": figures.rounded(figures.percentile(beside.claims, 0.95)),
        "purged_per_s_beside": figures.rounded(gone / beside.seconds),
        "old": options.old,
        "left": left(),
    }


def left() -> int:
    """Old tasks that are still there."""
    return int(
        environment.value(
            "SELECT count(*) FROM automation_task WHERE finished_at < now() - interval '7 days'"
        )
    )


def watch(turns: Turns, purge: subprocess.Popen[str], seconds: float, *, running: bool) -> None:
    """Claim for some seconds while the purge runs, or stands still."""
    if purge.poll() is not None:
        raise SystemExit("The purge was over before the turns were: raise --old or lower --turns.")
    purge.send_signal(signal.SIGCONT if running else signal.SIGSTOP)
    time.sleep(0.2)  # what it asked of the database before it stopped
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        turns.claims += sample(CLAIMS, proves=True)
    turns.seconds += time.monotonic() - began


if __name__ == "__main__":
    main()
