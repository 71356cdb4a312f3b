"""Setting an installation up: what the database is told once and keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import InternalError, connection

from monitoring.supervision import preparation


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """New connections lose a transaction that stands still for a fifth of a second."""
    with monkeypatch.context() as shorter:
        shorter.setattr(preparation, "STALLED_AFTER", "200ms")
        preparation._end_stalled_transactions()
    yield
    preparation._end_stalled_transactions()


@pytest.mark.usefixtures("impatient")
def test_transaction_that_stands_still_is_ended_and_its_locks_are_free() -> None:
    stopped = connection.copy()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE stalled (id int); INSERT INTO stalled VALUES (1)")
    try:
        with stopped.cursor() as cursor:
            cursor.execute("BEGIN; SELECT id FROM stalled FOR UPDATE")
            time.sleep(0.6)  # as a worker does that was stopped with a lock in its hands
            with pytest.raises(InternalError):
                cursor.execute("SELECT 1")
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM stalled FOR UPDATE NOWAIT")
            assert cursor.fetchone() == (1,)
    finally:
        stopped.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE stalled")
