"""LISTEN and NOTIFY."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from outreach.lib.notify import Listener, Notification, notify

pytestmark = pytest.mark.django_db(transaction=True)
CHANNEL = "test_channel"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener([CHANNEL]) as listener:
        yield listener


def test_notification_is_heard(listener: Listener) -> None:
    notify(CHANNEL, "hello")
    assert listener.wait(5) == [Notification(CHANNEL, "hello")]


def test_wait_ends_after_its_timeout(listener: Listener) -> None:
    began = time.monotonic()
    assert listener.wait(0.2) == []
    assert 0.2 <= time.monotonic() - began < 2


def test_notification_waits_for_the_commit_and_comes_once(listener: Listener) -> None:
    with transaction.atomic():
        for _ in range(50):
            notify(CHANNEL)
        assert listener.wait(0.2) == []
    assert listener.wait(5) == [Notification(CHANNEL)]
    assert listener.wait(0.2) == []


def test_rolled_back_transaction_notifies_nobody(listener: Listener) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notify(CHANNEL)
        raise ZeroDivisionError
    assert listener.wait(0.3) == []


def test_rolled_back_savepoint_does_not_take_a_later_notification_with_it(listener: Listener) -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            notify(CHANNEL)
            raise ZeroDivisionError
        notify(CHANNEL)
    assert listener.wait(5) == [Notification(CHANNEL)]


def test_lost_connection_counts_as_a_wake_on_every_channel() -> None:
    with Listener([CHANNEL, "other_channel"]) as listener, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'outreach listener' AND datname = current_database()"
        )
        assert cursor.fetchone() == (1,)
        heard = listener.wait(10)
        assert heard == [
            Notification(CHANNEL, reconnected=True),
            Notification("other_channel", reconnected=True),
        ]
        notify(CHANNEL, "again")
        assert listener.wait(5) == [Notification(CHANNEL, "again")]


def test_unreachable_database_is_waited_for_without_an_error(settings: object) -> None:
    settings.DIRECT_DATABASE = {"HOST": "/nowhere"}  # type: ignore[attr-defined]
    with Listener([CHANNEL]) as listener:
        began = time.monotonic()
        assert listener.wait(0.5) == []
        assert 0.4 < time.monotonic() - began < 3
        settings.DIRECT_DATABASE = {}  # type: ignore[attr-defined]
        assert listener.wait(5) == [Notification(CHANNEL, reconnected=True)]
