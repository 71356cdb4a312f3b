from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import heartbeats
from monitoring.models import Heartbeat
from outreach.lib import events

pytestmark = pytest.mark.django_db


def aged(name: str, kind: str, seconds: float) -> Heartbeat:
    heartbeats.beat(name, kind)
    Heartbeat.objects.filter(name=name).update(beat_at=timezone.now() - timedelta(seconds=seconds))
    return Heartbeat.objects.get(name=name)


def test_beat_twice_keeps_one_row_and_its_start(django_assert_num_queries):
    heartbeats.beat("cluster@a:1", "cluster", {"workers": 3})
    first = Heartbeat.objects.get()
    with django_assert_num_queries(1):
        heartbeats.beat("cluster@a:1", "cluster", {"workers": 4})
    second = Heartbeat.objects.get()
    assert second.detail == {"workers": 4}
    assert second.started_at == first.started_at
    assert second.beat_at > first.beat_at


def test_late_names_only_what_stopped_beating():
    aged("cluster@a:1", "cluster", 31)
    aged("cluster@b:1", "cluster", 5)
    aged("drain@a:2", "drain", 300)
    aged("dispatcher@a:3", "dispatcher", 2 * 86_400)  # long gone: history, not news
    assert [row.name for row in heartbeats.late()] == ["cluster@a:1"]


def test_schedule_is_late_by_half_its_interval(monkeypatch):
    monkeypatch.setitem(heartbeats.INTERVALS, "inbox", timedelta(seconds=200))
    aged("schedule:no_longer_in_the_table", "schedule", 10_000)
    aged("schedule:inbox", "schedule", 295)
    assert heartbeats.late() == []
    aged("schedule:inbox", "schedule", 305)
    assert [row.name for row in heartbeats.late()] == ["schedule:inbox"]


def test_alive_lists_one_kind_within_its_patience():
    aged("cluster@a:1", "cluster", 31)
    aged("cluster@b:1", "cluster", 5)
    aged("dispatcher@a:3", "dispatcher", 1)
    assert [row.name for row in heartbeats.alive("cluster")] == ["cluster@b:1"]


def test_forget_deletes_old_processes_and_keeps_schedules():
    aged("cluster@a:1", "cluster", 100)
    aged("cluster@b:1", "cluster", 1)
    aged("schedule:inbox", "schedule", 100)
    assert heartbeats.forget(timezone.now() - timedelta(seconds=50)) == 1
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"cluster@b:1", "schedule:inbox"}


def test_events_of_processes_and_schedules_become_heartbeats():
    events.emit("process.beat", kind="dispatcher", detail={"lanes": 2})
    events.emit("schedule.ran", schedule="inbox", count=3)
    rows = {row.kind: row for row in Heartbeat.objects.all()}
    assert rows["dispatcher"].name == heartbeats.process_name("dispatcher")
    assert rows["dispatcher"].detail == {"lanes": 2}
    assert (rows["schedule"].name, rows["schedule"].detail) == ("schedule:inbox", {"count": 3})
    events.emit("process.ended", kind="dispatcher")
    assert [row.kind for row in Heartbeat.objects.all()] == ["schedule"]
