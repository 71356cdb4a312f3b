import logging
import os

import pytest
import structlog
from django.db import DatabaseError, connection, transaction

from monitoring import errors
from monitoring.models import LogRecord


@pytest.fixture
def handler(monkeypatch):
    """The handler on a logger of its own, collecting for a moment only."""
    monkeypatch.setattr(errors, "COLLECT_SECONDS", 0.02)
    handler = errors.GroupingHandler(logging.WARNING)
    logger = logging.getLogger("tests.grouping")
    logger.addHandler(handler)
    logger.propagate = False
    yield handler
    settle(handler)
    logger.removeHandler(handler)


@pytest.fixture
def logger(handler):
    return logging.getLogger("tests.grouping")


def settle(handler: errors.GroupingHandler) -> None:
    while handler._writer is not None and handler._writer.is_alive():
        handler._writer.join(timeout=5)


def fail(number: int) -> None:
    raise ValueError(f"no such thing: {number}")


def log_failure(logger: logging.Logger, number: int) -> None:
    try:
        fail(number)
    except ValueError:
        logger.exception("Could not do %s", number)


@pytest.mark.django_db(transaction=True)
def test_same_failures_are_one_row_with_a_count(handler, logger):
    for number in range(5):
        log_failure(logger, number)
    settle(handler)
    log_failure(logger, 99)
    settle(handler)
    row = LogRecord.objects.get()
    assert (row.count, row.level, row.message) == (6, "ERROR", "Could not do 99")
    assert "ValueError: no such thing: 99" in row.traceback
    assert row.first_seen_at < row.last_seen_at


@pytest.mark.django_db(transaction=True)
def test_different_failures_are_different_rows_and_info_is_none(handler, logger):
    logger.warning("The disk is full")
    logger.warning("The disk is slow")
    logger.info("All is well")
    settle(handler)
    assert set(LogRecord.objects.values_list("message", flat=True)) == {
        "The disk is full",
        "The disk is slow",
    }


@pytest.mark.django_db(transaction=True)
def test_record_outlives_the_callers_rollback(handler, logger):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        logger.error("Something broke")
        raise ZeroDivisionError
    settle(handler)
    assert LogRecord.objects.get().message == "Something broke"


@pytest.mark.django_db(transaction=True)
def test_caller_in_a_broken_transaction_can_still_log(handler, logger):
    with pytest.raises(DatabaseError), transaction.atomic():
        try:
            connection.cursor().execute("SELECT no_such_column")
        except DatabaseError:
            logger.exception("The query failed")
            raise
    settle(handler)
    assert LogRecord.objects.get().message == "The query failed"


@pytest.mark.django_db(transaction=True)
def test_what_the_write_itself_logs_does_not_come_back(handler, logger, monkeypatch):
    stored = []

    def store(groups):
        logger.error("Writing failed too")
        stored.append([group.message for group in groups])

    monkeypatch.setattr(errors, "store", store)
    logger.error("The first")
    settle(handler)
    assert stored == [["The first"]]


@pytest.mark.django_db(transaction=True)
def test_database_away_keeps_the_groups_for_the_next_record(handler, logger, monkeypatch):
    def away(groups):
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(errors, "store", away)
        logger.error("While it was away")
        settle(handler)
    logger.error("Back again")
    settle(handler)
    assert set(LogRecord.objects.values_list("message", flat=True)) == {"While it was away", "Back again"}


@pytest.mark.django_db(transaction=True)
def test_structlog_event_is_grouped_by_its_words(handler, logger):
    log = structlog.wrap_logger(
        logger,
        processors=[
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    for number in range(3):
        try:
            fail(number)
        except ValueError:
            log.exception("lane_failed", lane=number)
    settle(handler)
    row = LogRecord.objects.get()
    assert (row.count, row.message) == (3, "lane_failed")
    assert "no such thing: 2" in row.traceback


@pytest.mark.django_db(transaction=True)
def test_secrets_and_unstorable_text_are_left_out(handler, logger):
    logger.error("Sign-in with token=canary-secret failed \x00 \ud800")
    settle(handler)
    row = LogRecord.objects.get()
    assert "canary" not in row.message
    assert row.message.startswith("Sign-in with token=[hidden] failed")


@pytest.mark.django_db(transaction=True)
def test_answers_that_say_what_they_mean_are_no_errors(handler, logger):
    logger.warning("%s: %s", "Not Found", "/nope", extra={"status_code": 404})
    logger.error("%s: %s", "Service Unavailable", "/health/ready", extra={"status_code": 503})
    try:
        fail(1)
    except ValueError:
        logger.exception("%s: %s", "Internal Server Error", "/admin/", extra={"status_code": 500})
    settle(handler)
    assert LogRecord.objects.get().message == "Internal Server Error: /admin/"


def test_memory_is_bounded_while_the_database_is_away(monkeypatch):
    handler = errors.GroupingHandler()
    monkeypatch.setattr(handler, "_start_writer", lambda: None)
    for number in range(errors.GROUPS_AT_ONCE + 50):
        name = "x" * number
        handler.handle(logging.LogRecord("tests", logging.ERROR, "f.py", 1, f"word {name}", (), None))
    assert len(handler._groups) == errors.GROUPS_AT_ONCE


def test_forked_child_leaves_the_parents_records_to_the_parent(monkeypatch):
    handler = errors.GroupingHandler()
    monkeypatch.setattr(handler, "_start_writer", lambda: None)
    record = logging.LogRecord("tests", logging.ERROR, "f.py", 1, "in the parent", (), None)
    handler.handle(record)
    parent = os.getpid()
    monkeypatch.setattr(errors.os, "getpid", lambda: parent + 1)
    handler.handle(logging.LogRecord("tests", logging.ERROR, "f.py", 1, "in the child", (), None))
    assert [group.message for group in handler._groups.values()] == ["in the child"]


def test_unprintable_record_does_not_reach_the_caller(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    handler = errors.GroupingHandler()
    handler.handle(logging.LogRecord("tests", logging.ERROR, "f.py", 1, "%d pieces", ("many",), None))
    assert handler._groups == {}
