"""The queue on PostgreSQL."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import Failure, OrmQ, Schedule
from django_q.signing import BadSignature, SignedPackage

from outreach.lib import queue
from outreach.lib.queue import schedules

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
JOB = "tests.jobs.write_line"


@pytest.fixture(autouse=True)
def _short_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "POLL", 0)
    monkeypatch.setattr(
        "outreach.lib.queue.broker._watched", []
    )  # what other rooms look for is not the queue's own
    Schedule.objects.all().delete()


def take() -> list[tuple[str, tuple[object, ...]]]:
    """What the pusher would hand to workers: functions and their arguments."""
    broker = queue.PostgresBroker()
    packages = [SignedPackage.loads(package) for _, package in broker.dequeue()]
    broker.close()
    return [(job["func"], job["args"]) for job in packages]


def expire_locks() -> None:
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))


def test_job_comes_out_as_it_went_in() -> None:
    queue.enqueue(JOB, "somewhere", 7)
    assert queue.backlog() == 1
    assert take() == [(JOB, ("somewhere", 7))]
    assert queue.backlog() == 0
    assert take() == []


def test_stored_job_is_plain_json() -> None:
    queue.enqueue(JOB, 7)
    stored = json.loads(OrmQ.objects.get().payload)
    assert (stored["func"], stored["args"]) == (JOB, [7])


def test_jobs_come_in_the_order_they_were_asked_for() -> None:
    for number in range(5):
        queue.enqueue(JOB, number)
    assert [take()[0][1][0] for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("argument", [object(), Path("/"), 1.5, None, [1], {"a": 1}, b"x"])
def test_argument_that_is_no_key_is_refused_where_it_is_passed(argument: object) -> None:
    with pytest.raises(TypeError, match="primary keys"):
        queue.enqueue(JOB, argument)  # type: ignore[arg-type]
    assert OrmQ.objects.count() == 0


def test_callable_is_refused() -> None:
    with pytest.raises(TypeError, match="dotted name"):
        queue.enqueue(expire_locks)  # type: ignore[arg-type]


def test_timeout_that_would_run_the_job_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        queue.enqueue(JOB, timeout=Conf.RETRY)


@committed
def test_rolled_back_transaction_enqueues_nothing() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        queue.enqueue(JOB, 1)
        raise ZeroDivisionError
    assert OrmQ.objects.count() == 0


def test_waiting_job_of_the_same_key_is_not_doubled() -> None:
    for key in ("a", "a", "aa", "b", "a"):
        queue.enqueue(JOB, key, dedupe=key)
    assert sorted(job.payload.split('"')[3] for job in OrmQ.objects.all()) == ["a", "aa", "b"]


def test_taken_job_does_not_stand_for_a_new_one_of_its_key() -> None:
    queue.enqueue(JOB, 1, dedupe="a")
    take()
    queue.enqueue(JOB, 2, dedupe="a")
    assert take() == [(JOB, (2,))]


@committed
def test_job_that_stands_for_a_change_is_taken_only_after_its_commit() -> None:
    queue.enqueue(JOB, 1, dedupe="a")
    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        queue.enqueue(JOB, 1, dedupe="a")
        assert other.submit(_take_and_close).result() == []
    assert take() == [(JOB, (1,))]


def _take_and_close() -> list[tuple[str, tuple[object, ...]]]:
    try:
        return take()
    finally:
        connections.close_all()


def _take_all() -> list[object]:
    broker, taken = queue.PostgresBroker(), []
    try:
        while jobs := broker.dequeue():
            taken += [SignedPackage.loads(package)["args"][0] for _, package in jobs]
        return taken
    finally:
        broker.close()
        connections.close_all()


@committed
def test_no_job_is_taken_twice_by_eight_takers() -> None:
    for number in range(200):
        queue.enqueue(JOB, number)
    with ThreadPoolExecutor(8) as takers:
        taken = [
            number for future in [takers.submit(_take_all) for _ in range(8)] for number in future.result()
        ]
    assert Counter(taken) == Counter(range(200))


def test_unacknowledged_job_comes_again_after_its_lock() -> None:
    queue.enqueue(JOB, 1)
    assert len(take()) == 1
    expire_locks()
    assert len(take()) == 1


def test_acknowledged_job_is_gone() -> None:
    queue.enqueue(JOB, 1)
    broker = queue.PostgresBroker()
    [(pk, _)] = broker.dequeue()
    broker.acknowledge(pk)
    assert OrmQ.objects.count() == 0


def test_job_that_never_ends_is_given_up_after_three_deliveries() -> None:
    queue.enqueue(JOB, "poison")
    for _ in range(3):
        assert len(take()) == 1
        expire_locks()
    assert take() == []
    assert OrmQ.objects.count() == 0
    failure = Failure.objects.get()
    assert (failure.func, failure.args, failure.attempt_count) == (JOB, ("poison",), 3)


def test_malformed_row_is_dropped_and_stops_nothing() -> None:
    for payload in ("", "no json", '{"func": 1}', "[]", "..."):
        OrmQ.objects.create(
            key=Conf.CLUSTER_NAME, payload=payload, lock=timezone.now() - timedelta(minutes=1)
        )
    queue.enqueue(JOB, 1)
    taken = [jobs for _ in range(6) if (jobs := take())]
    assert taken == [[(JOB, (1,))]]
    assert OrmQ.objects.count() == 1


def test_rotated_secret_key_drops_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = SignedPackage.dumps({})
    queue.enqueue(JOB, 1)
    monkeypatch.setattr(Conf, "SECRET_KEY", "another secret key")
    with pytest.raises(BadSignature):
        SignedPackage.loads(signed)
    assert take() == [(JOB, (1,))]


@committed
def test_outage_is_waited_out() -> None:
    queue.enqueue(JOB, 1)
    broker = queue.PostgresBroker()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_q_ormq RENAME TO away")
    try:
        assert broker.dequeue() == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO django_q_ormq")
    assert len(broker.dequeue()) == 1
    broker.close()


def schedule(name: str, **fields: object) -> Schedule:
    values = {
        "func": JOB,
        "schedule_type": Schedule.MINUTES,
        "minutes": 5,
        "next_run": timezone.now(),
        **fields,
    }
    return Schedule.objects.create(name=name, **values)


def test_due_schedule_is_enqueued_once_and_moves_on() -> None:
    row = schedule("good", args="('x', 3)")
    assert (schedules.run_due(), schedules.run_due()) == (1, 0)
    assert take() == [(JOB, ("x", 3))]
    row.refresh_from_db()
    assert timedelta(minutes=4) < row.next_run - timezone.now() < timedelta(minutes=6)


def test_missed_runs_are_not_replayed() -> None:
    row = schedule("late", next_run=timezone.now() - timedelta(days=400))
    schedules.run_due()
    row.refresh_from_db()
    assert len(take()) == 1
    assert timezone.now() < row.next_run < timezone.now() + timedelta(minutes=6)
    assert schedules.run_due() == 0


def test_bad_schedule_is_put_off_and_the_others_run() -> None:
    bad = [
        schedule("bad 1", args="not python"),
        schedule("bad 2", args="{1: 2}"),
        schedule("bad 3", schedule_type="?"),
    ]
    schedule("good")
    assert schedules.run_due() == 1
    assert take() == [(JOB, ())]
    for row in bad:
        row.refresh_from_db()
        assert row.next_run > timezone.now() + timedelta(minutes=9)
