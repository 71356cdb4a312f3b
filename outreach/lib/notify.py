"""LISTEN and NOTIFY: processes wake each other through the database, without polling.

A notification is a hint that there may be work, never the work itself: it can come twice, or for nothing. A listener
whose connection broke hears a wake on every channel once it is back, so nothing is missed while it was away.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import sql

logger = logging.getLogger(__name__)

RECONNECT_DELAY = (0.1, 2.0)  # seconds: the first pause after a failure, and the longest


@dataclass(frozen=True, slots=True)
class Notification:
    """Something happened on ``channel``; with ``reconnected``, something may have while nobody listened."""

    channel: str
    payload: str = ""
    reconnected: bool = False


@dataclass(frozen=True, slots=True)
class _Send:
    channel: str
    payload: str

    def __call__(self) -> None:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [self.channel, self.payload])


def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of ``channel`` once the current transaction is committed, or at once outside of one.

    The same notification asked for many times in one transaction is sent once. It may be lost with the connection,
    which is logged and raises nothing: what it announces is already in the database.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    send = _Send(channel, payload)
    open_savepoints = set(connection.savepoint_ids)
    # One registered under a savepoint that may yet be rolled back on its own does not stand for ours.
    if not any(entry[1] == send and entry[0] <= open_savepoints for entry in connection.run_on_commit):
        transaction.on_commit(send, robust=True)


def direct_connection(application: str = "outreach") -> psycopg.Connection[Any]:
    """A connection of one's own in autocommit mode: not from the pool, not Django's, and not through a pgbouncer.

    It belongs to the caller, who closes it. ``DATABASE_DIRECT_URL`` names the server where ``DATABASE_URL`` names a
    pgbouncer, which can neither LISTEN nor hold a lock for a session.
    """
    wrapper = connections[DEFAULT_DB_ALIAS].copy()
    wrapper.settings_dict["OPTIONS"].pop("pool", None)
    wrapper.settings_dict.update(settings.DIRECT_DATABASE)
    parameters = {**wrapper.get_connection_params(), "application_name": application}
    connection: psycopg.Connection[Any] = wrapper.get_new_connection(parameters)
    connection.autocommit = True
    return connection


class Listener:
    """Hears notifications on ``channels`` over its own connection. Not for use by several threads, nor across a fork."""

    def __init__(self, channels: Sequence[str]) -> None:
        self.channels = tuple(channels)
        self._connection: psycopg.Connection[Any] | None = None
        self._delay = 0.0
        self._retry_at = 0.0

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, timeout: float) -> list[Notification]:
        """Whatever came since the last call, or comes within ``timeout`` seconds; empty when nothing did.

        Returns at once with ``reconnected`` notifications when the connection had to be made (again). While the
        database is away it tries again with growing pauses until the time is over, and raises nothing.
        """
        deadline = time.monotonic() + timeout
        while True:
            if self._connection is None:
                if self._connect():
                    return [Notification(channel, reconnected=True) for channel in self.channels]
                pause = min(self._retry_at, deadline) - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
            else:
                heard = self._hear(max(0.0, deadline - time.monotonic()))
                if heard:
                    return heard
            if time.monotonic() >= deadline:
                return []

    def close(self) -> None:
        """Stop listening; a later :meth:`wait` listens again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        try:
            connection = direct_connection("outreach listener")
            for channel in self.channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            first, longest = RECONNECT_DELAY
            self._delay = min(longest, self._delay * 2 or first)
            self._retry_at = time.monotonic() + self._delay * random.uniform(0.5, 1.0)
            logger.warning("Not listening to the database: %s", error)
            return False
        self._connection, self._delay, self._retry_at = connection, 0.0, 0.0
        return True

    def _hear(self, timeout: float) -> list[Notification]:
        assert self._connection is not None  # noqa: S101 - wait() has just seen it
        try:
            heard = self._connection.notifies(timeout=timeout, stop_after=1)
            return [Notification(one.channel, one.payload) for one in heard]
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            logger.warning("The database went away while listening: %s", error)
            self.close()
            return []
