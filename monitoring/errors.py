"""The logging handler that groups warnings and errors for the admin (:class:`monitoring.models.LogRecord`).

It writes from a thread of its own: a caller that rolls back does not take the record away with it, and a slow
database never slows the caller. The thread lives only while there is something to write, which also makes it
safe to fork. What cannot be written is still in the log file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from outreach.lib.logs import redact

GROUPS_AT_ONCE = 200  # different groups held in memory; further ones are only in the log file
COLLECT_SECONDS = 0.3
VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)
FRAME = re.compile(r'File "([^"]+)", line \d+, in (.+)')


@dataclass(frozen=True, slots=True)
class Group:
    """Records with one fingerprint, counted."""

    fingerprint: str
    level: str
    logger: str
    message: str
    traceback: str
    count: int = 1
    first_seen_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_seen_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def with_later(self, later: Group) -> Group:
        """Both together: the later one's words, the earlier one's first time."""
        return replace(later, count=self.count + later.count, first_seen_at=self.first_seen_at)


def group_of(record: logging.LogRecord) -> Group:
    """The group of one record, its secrets hidden."""
    if isinstance(record.msg, dict):  # a structlog event on its way to its formatter
        template = message = str(record.msg.get("event", ""))
        traceback = str(record.msg.get("exception", ""))
    else:
        template, message, traceback = str(record.msg), record.getMessage(), ""
    if record.exc_info and not traceback:
        traceback = logging.Formatter().formatException(record.exc_info)
    return Group(
        fingerprint=_fingerprint(record.name, record.levelname, template, traceback),
        level=record.levelname[:8],
        logger=record.name[:128],
        message=_storable(message)[:1000],
        traceback=_storable(traceback),
    )


def is_told_elsewhere(record: logging.LogRecord) -> bool:
    """Answers that say what they mean (404, 503 of a health check), and the request log's copy of an exception."""
    is_answer = hasattr(record, "status_code") and not record.exc_info
    return is_answer or record.name.startswith("django_structlog.")


def _storable(text: str) -> str:
    """``text`` without secrets and without what PostgreSQL cannot store (NUL, lone surrogates)."""
    return redact(text).replace("\x00", "").encode("utf-8", "replace").decode()


def _fingerprint(logger: str, level: str, template: str, traceback: str) -> str:
    """Equal for records that differ only in numbers, quoted values and line numbers."""
    frames = FRAME.findall(traceback)
    error = traceback.strip().splitlines()[-1].partition(":")[0] if traceback.strip() else ""
    parts = (logger, level, VARIABLE.sub("#", template), error, *(frames[-1] if frames else ()))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


class GroupingHandler(logging.Handler):
    """Groups records in memory and writes them a moment later; never raises, never logs its own trouble."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._groups: dict[str, Group] = {}
        self._writer: threading.Thread | None = None
        self._pid = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; logging holds this handler's lock meanwhile."""
        if threading.current_thread() is self._writer or is_told_elsewhere(record):
            return  # what the write itself logs would come back here for ever
        try:
            if self._pid != os.getpid():  # forked: the parent writes what it had collected
                self._pid, self._groups, self._writer = os.getpid(), {}, None
            self._add(group_of(record))
            self._start_writer()
        except Exception:  # noqa: BLE001 - logging must never break its caller
            self.handleError(record)

    def _add(self, group: Group) -> None:
        known = self._groups.get(group.fingerprint)
        if known or len(self._groups) < GROUPS_AT_ONCE:
            self._groups[group.fingerprint] = known.with_later(group) if known else group

    def _start_writer(self) -> None:
        if self._writer and self._writer.is_alive():
            return
        # Not a daemon: an ending process waits for it, so that its last error is kept too.
        self._writer = threading.Thread(target=self._write, name="log-groups", daemon=False)
        self._writer.start()

    def _write(self) -> None:
        """Write until nothing is left; after a failure the groups wait for the next record and its thread."""
        while groups := self._collected():
            try:
                store(groups)
            except Exception:  # noqa: BLE001 - a database that is away, or not migrated yet, is no reason to die
                self._give_back(groups)
                return
            finally:
                connection.close()

    def _collected(self) -> list[Group]:
        time.sleep(COLLECT_SECONDS)
        self.acquire()
        try:
            groups, self._groups = list(self._groups.values()), {}
            if not groups:
                self._writer = None  # under the lock: the next record starts another thread
            return groups
        finally:
            self.release()

    def _give_back(self, groups: list[Group]) -> None:
        self.acquire()
        try:
            newer, self._groups = self._groups, {group.fingerprint: group for group in groups}
            for group in newer.values():
                self._add(group)
            self._writer = None
        finally:
            self.release()


def store(groups: list[Group]) -> None:
    """Add the groups to the table, in one order for all processes so that none deadlocks with another."""
    if not apps.models_ready:
        raise DatabaseError("The models are not loaded yet.")
    model = apps.get_model("monitoring", "LogRecord")
    with transaction.atomic():
        for group in sorted(groups, key=lambda group: group.fingerprint):
            rows = model.objects.filter(fingerprint=group.fingerprint)
            newest = {
                "message": group.message,
                "traceback": group.traceback,
                "last_seen_at": group.last_seen_at,
            }
            if not rows.update(count=F("count") + group.count, **newest):
                _, created = rows.get_or_create(
                    fingerprint=group.fingerprint,
                    defaults={
                        **newest,
                        "level": group.level,
                        "logger": group.logger,
                        "count": group.count,
                        "first_seen_at": group.first_seen_at,
                    },
                )
                if not created:
                    rows.update(count=F("count") + group.count, **newest)
