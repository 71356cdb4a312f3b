from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import alerts, heartbeats, retention
from monitoring.models import Alert, Event, Heartbeat, LogRecord
from outreach.lib import retention as lib

pytestmark = pytest.mark.django_db


def make_error(fingerprint: str, age: timedelta) -> None:
    at = timezone.now() - age
    LogRecord.objects.create(
        fingerprint=fingerprint, level="ERROR", logger="x", message="m", first_seen_at=at, last_seen_at=at
    )


def test_purge_deletes_only_what_is_older_than_kept(monkeypatch):
    monkeypatch.setattr(lib, "BATCH", 2)
    for number in range(5):
        make_error(f"old{number}", retention.KEEP_ERRORS + timedelta(days=1))
    make_error("new", timedelta(days=1))
    Event.objects.create(name="old", by="ada", at=timezone.now() - retention.KEEP_EVENTS - timedelta(days=1))
    Event.objects.create(name="new", by="ada")
    heartbeats.beat("cluster@a:1", "cluster")
    long_ago = timezone.now() - alerts.KEEP - timedelta(days=1)
    Alert.objects.create(key="a", subject="over", opened_at=long_ago, resolved_at=long_ago)
    Alert.objects.create(key="b", subject="still open", opened_at=long_ago)
    gone = lib.run().rows
    assert (gone["errors"], gone["audit"], gone["heartbeats"], gone["alerts"]) == (5, 1, 0, 1)
    assert LogRecord.objects.get().fingerprint == "new"
    assert Event.objects.get().name == "new"
    assert Heartbeat.objects.count() == 1
    assert Alert.objects.get().key == "b"
