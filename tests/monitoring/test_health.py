from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from monitoring import health, heartbeats
from monitoring.models import Heartbeat
from tests.factories import make_lane, make_task


@pytest.fixture
def running(db):
    heartbeats.beat("cluster@a:1", "cluster")
    heartbeats.beat("dispatcher@a:2", "dispatcher")


def ago(**parts: float):
    return timezone.now() - timedelta(**parts)


def states(client) -> tuple[int, dict[str, str]]:
    answer = client.get("/health/ready")
    return answer.status_code, {name: part["state"] for name, part in answer.json()["parts"].items()}


def test_live_answers_without_the_database(client):
    answer = client.get("/health/live")  # no database mark: a query would fail the test
    assert (answer.status_code, answer.json()) == (200, {"state": "ok"})


def test_ready_is_ok_with_a_reason_for_every_part(client, running):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["state"] == "ok"
    assert set(answer.json()["parts"]) == {
        "database",
        "cache",
        "queue",
        "workers",
        "dispatcher",
        "browser",
        "tasks",
    }
    assert {part["reason"] for part in answer.json()["parts"].values()} == {""}
    assert "no-cache" in answer["Cache-Control"]


def test_ready_takes_few_queries_however_much_waits(client, running, django_assert_max_num_queries):
    for _ in range(20):
        make_task(make_lane(next_at=ago(seconds=1)))
        heartbeats.beat(f"cluster@b:{_}", "cluster")
    with django_assert_max_num_queries(6):
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize(("kind", "part"), [("cluster", "workers"), ("dispatcher", "dispatcher")])
def test_ready_fails_without_those_who_work(client, running, kind, part):
    Heartbeat.objects.filter(kind=kind).update(beat_at=ago(minutes=1))
    code, parts = states(client)
    assert (code, parts[part]) == (503, "down")


def test_one_of_two_clusters_gone_is_degraded(client, running):
    heartbeats.beat("cluster@b:1", "cluster")
    Heartbeat.objects.filter(name="cluster@a:1").update(beat_at=ago(minutes=1))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["state"]) == (200, "degraded")
    assert answer.json()["parts"]["workers"]["reason"] == "1 of 2 stopped answering."


def test_browser_counts_only_where_one_was_started(client, running):
    heartbeats.beat("browser@a:3", "browser")
    Heartbeat.objects.filter(kind="browser").update(beat_at=ago(minutes=5))
    code, parts = states(client)
    assert (code, parts["browser"]) == (200, "degraded")


def test_ready_fails_while_the_queue_stands_still_though_all_processes_beat(client, running, settings):
    settings.OVERDUE_ALERT_SECONDS = 60
    make_task(make_lane(next_at=ago(seconds=61)), due_at=ago(seconds=61))
    code, parts = states(client)
    assert (code, parts["workers"], parts["tasks"]) == (503, "ok", "down")


def test_long_queue_is_degraded(client, running, monkeypatch):
    monkeypatch.setattr(health.queue.queue, "backlog", lambda: 1000)
    code, parts = states(client)
    assert (code, parts["queue"]) == (200, "degraded")


def test_ready_fails_tersely_without_the_database(client, monkeypatch):
    def away():
        raise OperationalError("password=canary of user outreach refused")

    monkeypatch.setattr(health, "database_now", away)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {
        "database": {"state": "down", "reason": "The database does not answer."}
    }


def test_ready_tells_missing_tables_from_a_missing_database(client, running):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE monitoring_heartbeat RENAME TO elsewhere")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["parts"]["database"]["reason"]


def test_health_names_no_account_no_host_and_no_secret(client, running):
    lane = make_lane(next_at=ago(hours=1), breaker_opened_at=ago(hours=1))
    make_task(lane, due_at=ago(hours=1))
    text = client.get("/health/ready").content.decode()
    row = Heartbeat.objects.first()
    assert lane.account.handle not in text
    assert row.host not in text
    assert row.name not in text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_only_reads(client, path):
    assert client.post(path).status_code == 405
