from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import heartbeats, jobs, retention
from monitoring.models import Event, Heartbeat, LogRecord
from outreach.lib import events, queue

pytestmark = pytest.mark.django_db


def make_error(fingerprint: str, age: timedelta) -> None:
    at = timezone.now() - age
    LogRecord.objects.create(
        fingerprint=fingerprint, level="ERROR", logger="x", message="m", first_seen_at=at, last_seen_at=at
    )


def test_purge_deletes_only_what_is_older_than_kept(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        make_error(f"old{number}", retention.KEEP_ERRORS + timedelta(days=1))
    make_error("new", timedelta(days=1))
    Event.objects.create(name="old", by="ada", at=timezone.now() - retention.KEEP_EVENTS - timedelta(days=1))
    Event.objects.create(name="new", by="ada")
    heartbeats.beat("cluster@a:1", "cluster")
    assert jobs.purge() == 6
    assert LogRecord.objects.get().fingerprint == "new"
    assert Event.objects.get().name == "new"
    assert Heartbeat.objects.count() == 1


def test_purge_follows_the_engines():
    before = queue.backlog()
    events.emit("schedule.ran", schedule="recover_lanes", count=0)
    assert queue.backlog() == before
    events.emit("schedule.ran", schedule="purge", count=0)
    events.emit("schedule.ran", schedule="purge", count=0)
    assert queue.backlog() == before + 1
