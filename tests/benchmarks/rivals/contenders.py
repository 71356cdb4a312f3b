"""How each rival is run and counted. All of them on the engine's own server, each in an empty database."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec

import psycopg
from django.conf import settings

from tests.benchmarks.environment import FOLDER, ROOT, conninfo, create_database, program
from tests.benchmarks.parts import Part, patiently, running

DATABASE = "rival"
START_SECONDS = 60.0
FIRST = 5  # jobs that were done when the clock starts: starting up is not what is measured
CLAIM_AND_COMPLETE = """
UPDATE task SET state = 'running', started_at = now() WHERE id = (
    SELECT id FROM task WHERE state = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id \\gset
UPDATE task SET state = 'completed', finished_at = now() WHERE id = :id;
"""


def django_q2(seconds: float, *, best: bool) -> float:
    """Jobs a second of django-q2 with two workers."""
    extra = {
        "DJANGO_SETTINGS_MODULE": f"tests.benchmarks.rivals.django_q_{'best' if best else 'default'}",
        "RIVAL_HOST": str(settings.EMBEDDED_POSTGRES.socket_dir),
        "RIVAL_DATABASE": DATABASE,
    }
    create_database(DATABASE)
    count = int(seconds * (2_000 if best else 200))
    _fill("tests.benchmarks.rivals.django_q_fill", count, extra)
    cluster = Part("django-q2", ["-m", "django", "qcluster"], extra)
    return _rate(cluster, f"SELECT {count} - count(*) FROM django_q_ormq", count, seconds)


def procrastinate(seconds: float, *, concurrency: int = 20) -> float:
    """Jobs a second of one procrastinate worker."""
    extra = {"RIVAL_CONNINFO": conninfo(DATABASE)}
    create_database(DATABASE)
    count = int(seconds * 2_000)
    _fill("tests.benchmarks.rivals.procrastinate_app", count, extra)
    worker = ["worker", "--concurrency", str(concurrency)]
    command = ["-m", "procrastinate", "--app", "tests.benchmarks.rivals.procrastinate_app.app", *worker]
    done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    return _rate(Part("procrastinate", command, extra), done, count, seconds)


def pgbench(seconds: float, *, clients: int = 8) -> float:
    """Rows a second that bare SQL claims and completes, each in two statements of its own."""
    create_database(DATABASE)
    with psycopg.connect(conninfo(DATABASE), autocommit=True) as database:
        database.execute(
            "CREATE TABLE task (id bigint PRIMARY KEY, state text NOT NULL, started_at timestamptz, finished_at timestamptz)"
        )
        filled = int(max(seconds, 2) * 15_000)
        database.execute("INSERT INTO task SELECT n, 'pending' FROM generate_series(1, %s) AS n", [filled])
        database.execute("CREATE INDEX task_pending ON task (id) WHERE state = 'pending'")
        database.execute("VACUUM ANALYZE task")
        database.execute("CHECKPOINT")
    return run_pgbench(CLAIM_AND_COMPLETE, DATABASE, seconds, clients)


def run_pgbench(script: str, database: str, seconds: float, clients: int) -> float:
    """Runs of a script a second."""
    file = FOLDER / "pgbench.sql"
    file.write_text(script)
    done = subprocess.run(
        [program("pgbench"), "-n", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds))), "-f", str(file),
         "-h", str(settings.EMBEDDED_POSTGRES.socket_dir), "-U", "outreach", database],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(f"pgbench failed: {done.stdout}{done.stderr}")
    return float(found[1])


def install_rivals() -> None:
    """Rivals are in a dependency group that only benchmarks need; the first run installs it."""
    if find_spec("procrastinate") is None:
        print("Installing what the engine is compared with: uv sync --inexact --group bench", file=sys.stderr)
        subprocess.run(["uv", "sync", "--quiet", "--inexact", "--group", "bench"], cwd=ROOT, check=True)


def _fill(module: str, count: int, extra: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", module, str(count)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **extra}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-2000:]}")


def _rate(part: Part, done: str, count: int, seconds: float) -> float:
    """What a running rival does a second, from its first jobs until ``seconds`` are over or ``count`` are done."""
    with running(part), psycopg.connect(conninfo(DATABASE), autocommit=True) as database:

        def seen() -> int:
            row = database.execute(done).fetchone()
            return int(row[0]) if row else 0

        for _ in patiently([part], START_SECONDS, pause=0.02):
            if (first := seen()) >= FIRST:
                break
        else:
            raise RuntimeError(f"{part.name} did nothing for {START_SECONDS:.0f} s. See {part.log}.")
        began = time.monotonic()
        for _ in patiently([part], seconds, pause=0.1):
            if (last := seen()) >= count:
                return (last - first) / (time.monotonic() - began)
        return (seen() - first) / (time.monotonic() - began)
