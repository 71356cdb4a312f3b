"""Breakers of outside services: open for all, probed by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automation import breakers
from automation.models import Breaker
from outreach.lib import events

pytestmark = pytest.mark.django_db(transaction=True)


class Broken(Exception):
    pass


class Refusal(Exception):
    pass


@pytest.fixture
def told() -> Iterator[list[events.Event]]:
    heard: list[events.Event] = []
    for name in ("breaker.opened", "breaker.closed"):
        events.subscribe(name, heard.append)
    yield heard
    for name in ("breaker.opened", "breaker.closed"):
        events._subscribers[name].remove(heard.append)


def fail(times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Broken), breakers.guard("llm"):
            raise Broken("no answer")


def time_to_probe() -> None:
    Breaker.objects.update(probe_at=timezone.now() - timedelta(seconds=1))


def test_failures_in_a_row_open_it_for_everybody_and_tell_once(
    engine: dict[str, Any], told: list[Any]
) -> None:
    fail(engine["breaker_failures"])
    with pytest.raises(breakers.ServiceDown) as refused, breakers.guard("llm"):
        pytest.fail("An open breaker lets nobody through.")
    found = Breaker.objects.get()
    assert refused.value.retry_at == found.probe_at
    assert found.detail == "Broken: no answer"
    assert list(breakers.not_closed()) == [found]
    assert [(event.name, event.data["service"]) for event in told] == [("breaker.opened", "llm")]
    with breakers.guard("another service"):
        pass


def test_a_success_ends_the_row(engine: dict[str, Any]) -> None:
    for _ in range(3):
        fail(engine["breaker_failures"] - 1)
        with breakers.guard("llm"):
            pass
    assert not breakers.not_closed().exists()


def test_an_answer_we_do_not_like_is_no_failure(engine: dict[str, Any]) -> None:
    fail(engine["breaker_failures"] - 1)
    with pytest.raises(Refusal), breakers.guard("llm", answers=(Refusal,)):
        raise Refusal
    assert Breaker.objects.get().failures == 0


def test_a_probes_success_closes_it_and_tells(engine: dict[str, Any], told: list[Any]) -> None:
    fail(engine["breaker_failures"])
    time_to_probe()
    with breakers.guard("llm"):
        pass
    found = Breaker.objects.get()
    assert (found.failures, found.opened_at, found.probe_at, found.detail) == (0, None, None, "")
    assert [event.name for event in told] == ["breaker.opened", "breaker.closed"]


def test_a_probes_failure_keeps_it_open_and_tells_nobody_again(
    engine: dict[str, Any], told: list[Any]
) -> None:
    fail(engine["breaker_failures"])
    opened = Breaker.objects.get().opened_at
    time_to_probe()
    fail()
    found = Breaker.objects.get()
    assert found.opened_at == opened
    assert found.probe_at is not None
    assert found.probe_at > timezone.now()
    assert [event.name for event in told] == ["breaker.opened"]


def test_a_slow_call_from_before_it_opened_does_not_close_it(engine: dict[str, Any]) -> None:
    with breakers.guard("llm"):
        fail(engine["breaker_failures"])
    assert breakers.not_closed().exists()


def test_exactly_one_of_many_workers_probes(engine: dict[str, Any]) -> None:
    fail(engine["breaker_failures"])
    time_to_probe()
    through: list[int] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        try:
            with breakers.guard("llm"):
                through.append(number)
                released.wait(5)
        except breakers.ServiceDown:
            turned_away.release()
        finally:
            connections.close_all()

    released, turned_away = threading.Event(), threading.Semaphore(0)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    assert all(turned_away.acquire(timeout=10) for _ in range(7))
    assert len(through) == 1
    released.set()
    for thread in threads:
        thread.join()
    assert not breakers.not_closed().exists()


def test_a_well_service_costs_two_reads_at_most_and_writes_nothing() -> None:
    with CaptureQueriesContext(connection) as seen, breakers.guard("llm"):
        pass
    said = [query["sql"] for query in seen if query["sql"] not in ("BEGIN", "COMMIT")]
    assert len(said) == 2
    assert not Breaker.objects.exists()


def test_a_transaction_around_it_is_refused() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(), breakers.guard("llm"):
        pytest.fail("What is learnt would be lost with a rollback.")
