"""django-q2's queue on PostgreSQL itself: ``SKIP LOCKED`` to take a job, ``LISTEN`` to hear of one.

Rows of django-q2's own table hold plain JSON instead of its signed pickles. So rotating SECRET_KEY drops nothing,
writing to the table is not running code, and an argument that cannot be stored fails where it is passed. The pickle
its pusher wants is made, and signed, after the row was read.

Each delivery puts a dot before the JSON. A job that keeps ending its process, which django-q2 cannot count, is
recorded as failed after ``max_attempts`` of them instead of coming back for ever.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Task
from django_q.signing import SignedPackage

from outreach.lib.notify import Listener, notify

logger = logging.getLogger(__name__)

CHANNEL = "outreach_queue"
DELIVERED = "."
OUTAGE_PAUSE = (0.2, 2.0)  # seconds between tries while the database is away: the first and the longest
ACKNOWLEDGE_FOR = 10.0  # seconds an outage may last before a finished job is left to be delivered again

# A waiting job of the same group is locked, so nobody takes it before our change is there to be seen by it.
ENQUEUE = """
WITH waiting AS MATERIALIZED (
    SELECT id FROM django_q_ormq WHERE key = %(key)s AND starts_with(payload, %(group)s) LIMIT 1 FOR SHARE)
INSERT INTO django_q_ormq (key, payload, lock)
SELECT %(key)s, %(payload)s, now() WHERE NOT EXISTS (SELECT 1 FROM waiting)
RETURNING id
"""
TAKE = """
WITH taken AS MATERIALIZED (
    SELECT id FROM django_q_ormq WHERE key = %s AND lock <= now()
    ORDER BY id FOR UPDATE SKIP LOCKED LIMIT %s)
UPDATE django_q_ormq AS job
SET lock = now() + make_interval(secs => %s), payload = %s || job.payload
FROM taken WHERE job.id = taken.id
RETURNING job.id, job.payload
"""


_watched: list[Callable[[], None]] = []


def at_each_turn(look: Callable[[], None]) -> None:
    """Have ``look`` called whenever jobs are about to be taken: at each notification on ``CHANNEL`` and every few seconds.

    For work that the database itself announces; ``look`` is cheap and enqueues a job if there is any.
    """
    if look not in _watched:
        _watched.append(look)


class PostgresBroker(ORM):
    """The ``broker_class`` of settings. A job with a ``group`` is not added while one of that group waits to be taken."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.on_pull: Callable[[], None] = lambda: None  # called at each turn of the pusher's loop
        self._listener: Listener | None = None
        self._pause = 0.0

    @staticmethod
    def get_cache() -> None:
        """None: django-q2 would write its statistics twice a second, into the database."""

    def enqueue(self, task: str) -> int | None:
        """Store a package made by ``async_task``; its row's id, or ``None`` where its group waits already.

        Raises :class:`TypeError` for an argument that JSON cannot hold.
        """
        job = SignedPackage.loads(task)
        # The group stands first, so that a waiting job is found by the beginning of its text.
        group = json.dumps({"group": job["group"]})[:-1] + "," if job.get("group") else None
        ordered = {"group": job.get("group"), **job}
        values = {"key": self.list_key, "payload": json.dumps(ordered, default=_only_times), "group": group}
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(ENQUEUE, values)
            row = cursor.fetchone()
        notify(CHANNEL)
        return row[0] if row else None

    def dequeue(self) -> list[tuple[int, str]]:
        """Jobs that are now ours for ``retry`` seconds; waits up to ``poll`` seconds for one. An outage is waited out."""
        self.on_pull()
        try:
            jobs = self._look_and_take()
            if not jobs and self._listen():
                jobs = self._look_and_take()
        except Error as error:
            first, longest = OUTAGE_PAUSE
            self._pause = min(longest, self._pause * 2 or first)
            logger.warning("The queue cannot be read, trying again: %s", error)
            connections[DEFAULT_DB_ALIAS].close()
            time.sleep(self._pause)
            return []
        self._pause = 0.0
        return jobs

    def delete(self, task_id: int) -> None:
        """Forget a job, however it ended. In an outage this waits, then gives up: the job is delivered once more."""
        deadline = time.monotonic() + ACKNOWLEDGE_FOR
        while True:
            try:
                with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                    cursor.execute("DELETE FROM django_q_ormq WHERE id = %s", [task_id])
                return
            except Error:
                connections[DEFAULT_DB_ALIAS].close()
                if time.monotonic() > deadline:
                    logger.exception("Job %s ended but stays in the queue", task_id)
                    return
                time.sleep(OUTAGE_PAUSE[0])

    def close(self) -> None:
        """Stop listening; the next :meth:`dequeue` listens again."""
        if self._listener is not None:
            self._listener.close()

    def _listen(self) -> bool:
        # Made here, not in __init__: the broker is made before the fork of the pusher, the only one who listens.
        if self._listener is None:
            self._listener = Listener([CHANNEL])
        return bool(self._listener.wait(Conf.POLL))

    def _look_and_take(self) -> list[tuple[int, str]]:
        for look in _watched:
            look()
        return self._take()

    def _take(self) -> list[tuple[int, str]]:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(TAKE, [self.list_key, Conf.BULK, Conf.RETRY, DELIVERED])
            rows = cursor.fetchall()
        packages = [(pk, self._package(pk, payload)) for pk, payload in rows]
        return [(pk, package) for pk, package in packages if package is not None]

    def _package(self, pk: int, payload: str) -> str | None:
        stored = payload.lstrip(DELIVERED)
        deliveries = len(payload) - len(stored)
        try:
            job = json.loads(stored)
            job["started"] = datetime.fromisoformat(job["started"])
            job["args"] = tuple(job["args"])
        except (ValueError, KeyError, TypeError):
            logger.exception("Job %s is no JSON of ours and was dropped", pk)
            self.delete(pk)
            return None
        if deliveries > Conf.MAX_ATTEMPTS:
            self._quarantine(pk, job, deliveries - 1)
            return None
        return str(SignedPackage.dumps(job))

    def _quarantine(self, pk: int, job: dict[str, Any], deliveries: int) -> None:
        logger.error(
            "%s%r was started %s times and never ended; it is given up", job["func"], job["args"], deliveries
        )
        Task.objects.get_or_create(
            id=job["id"],
            defaults={
                "name": job["name"],
                "func": job["func"],
                "args": job["args"],
                "kwargs": job.get("kwargs", {}),
                "started": job["started"],
                "stopped": datetime.now(UTC),
                "result": f"Started {deliveries} times; each time its worker ended or was killed.",
                "success": False,
                "attempt_count": deliveries,
            },
        )
        self.delete(pk)


def _only_times(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"A job takes numbers and texts, not {type(value).__name__} {value!r}")
