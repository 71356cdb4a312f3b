"""What an installation needs before its parts can run: tables, cache table, static files, a first admin."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from outreach.lib.notify import direct_connection

PREPARATION_LOCK = 0x6F757472  # any number, the same for everybody
LOOK_SECONDS = 0.2
# A process that stops in the middle of a transaction keeps its locks, and everybody who writes to the same person
# waits: for longer than this only if the database is told of no limit.
STALLED_AFTER = "20s"


def prepare(*, verbosity: int = 1) -> tuple[str, str] | None:
    """Bring the database up to date; the name and password of the first admin if one had to be made.

    One at a time per database: whoever comes second waits, and then finds everything done.
    """
    with _alone():
        call_command("migrate", interactive=False, verbosity=max(0, verbosity - 1))
        call_command("createcachetable", verbosity=0)
        _end_stalled_transactions()
        if settings.PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)
        return create_first_admin()


def _end_stalled_transactions() -> None:
    """Have the database end our transactions that do nothing for a while; kept with the role, so it needs no option."""
    with connection.cursor() as cursor:
        database = sql.Identifier(connection.settings_dict["NAME"])
        statement = "ALTER ROLE CURRENT_USER IN DATABASE {} SET idle_in_transaction_session_timeout = {}"
        cursor.execute(sql.SQL(statement).format(database, sql.Literal(STALLED_AFTER)))


def create_first_admin() -> tuple[str, str] | None:
    """A superuser ``admin`` with a random password, unless there is a superuser; the password is stored nowhere else."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    name = "admin" if not users.filter(username="admin").exists() else f"admin-{secrets.token_hex(2)}"
    users.create_superuser(username=name, password=password)
    return name, password


@contextmanager
def _alone() -> Iterator[None]:
    with direct_connection("outreach preparation") as connection:
        # Asked again and again: a statement that waits keeps a snapshot, and an index that is being built
        # concurrently waits for that.
        while not _is_mine(connection):
            time.sleep(LOOK_SECONDS)
        yield


def _is_mine(connection: Any) -> bool:
    """Whether the lock was free; it is held until the connection is closed."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [PREPARATION_LOCK]).fetchone()
    return bool(row[0])
