"""Where the engine's time goes: by statement in the database, and by function in one drain."""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from django.conf import settings

from automation.engine import drain, runner
from tests.benchmarks import environment, ours, report, seed
from tests.benchmarks.environment import rows, value

LIBRARY = "pg_stat_statements"
STATEMENTS = """
SELECT calls, total_exec_time, total_exec_time / calls, rows, wal_bytes, regexp_replace(query, '\\s+', ' ', 'g')
FROM pg_stat_statements JOIN pg_database AS db ON db.oid = dbid AND db.datname = current_database()
ORDER BY total_exec_time DESC LIMIT 25
"""


def profile(options: Namespace) -> None:
    """Print both profiles of the batched engine, or with ``--only engine_single`` of the other."""
    proves = "engine" in options.only
    environment.preload(LIBRARY)
    try:
        rows(f"CREATE EXTENSION IF NOT EXISTS {LIBRARY}")
        _by_statement(options, proves)
        _by_function(options, proves)
    finally:
        environment.preload()


def _by_statement(options: Namespace, proves: bool) -> None:
    pace = ours.measure(
        proves=proves, seconds=options.seconds, workers=options.workers, lanes=options.lanes, kind=options.kind,
        ready=lambda: rows(f"SELECT {LIBRARY}_reset()"),
    )  # fmt: skip
    print(
        f"\n{pace.per_second:,.0f} tasks/s; {1000 * pace.worker_cpu / pace.tasks:.3f} ms of worker CPU a task"
    )
    print(
        f"\n{'ms/task':>9} {'calls/task':>10} {'ms/call':>8} {'rows/call':>9} {'WAL B/task':>10}  statement"
    )
    for calls, total, mean, count, wal, query in rows(STATEMENTS):
        print(
            f"{total / pace.tasks:9.4f} {calls / pace.tasks:10.4f} {mean:8.3f} {count / calls:9.1f} "
            f"{wal / pace.tasks:10.0f}  {query[:150]}"
        )


class Watch:
    """Profiles every turn of every lane, thread by thread, and adds them up."""

    def __init__(self, run_lane: Callable[..., int]) -> None:
        self._run_lane = run_lane
        self._guard = threading.Lock()
        self.profiles: list[cProfile.Profile] = []

    def __call__(self, *values: Any, **named: Any) -> int:
        one = cProfile.Profile()
        try:
            return one.runcall(self._run_lane, *values, **named)
        finally:
            with self._guard:
                self.profiles.append(one)


def _by_function(options: Namespace, proves: bool) -> None:
    """One drain in this process, its lanes in threads as ever; waiting for the database shows as time in psycopg."""
    count = 10_000 if proves else 1_000
    ids = seed.accounts(options.lanes, proves=proves)
    seed.tasks(ids, count, kind=options.kind)
    seed.wake(ids)
    settings.ENGINE["drain_linger_seconds"] = 0.3
    watch = Watch(runner.run_lane)
    runner.run_lane = watch
    try:
        report.say(f"one drain runs {count:,} tasks under cProfile")
        drain.drain()
    finally:
        runner.run_lane = watch._run_lane
    done = value("SELECT count(*) FROM automation_task WHERE state = 'completed'")
    print(f"\nOne drain in one process: {done:,} tasks, {len(watch.profiles):,} turns of lanes")
    stats = pstats.Stats(*watch.profiles, stream=sys.stdout)
    stats.sort_stats("cumulative").print_stats(r"automation|accounts|leads|outreach|psycopg|django.db", 45)
    stats.sort_stats("tottime").print_stats(30)
