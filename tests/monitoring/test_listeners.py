import pytest
from django.db import transaction

from monitoring.models import Event
from outreach.lib import events

pytestmark = pytest.mark.django_db


def test_change_is_recorded_with_who_did_it():
    events.emit("campaign.started", model="automation.campaign", ids=[7], by="ada", people=3)
    row = Event.objects.get()
    assert (row.name, row.model, row.ids, row.by, row.data) == (
        "campaign.started", "automation.campaign", [7], "ada", {"people": 3},
    )  # fmt: skip


def test_acts_and_beats_are_not_recorded():
    events.emit("task.completed", model="task", ids=[1])
    events.emit("process.beat", kind="drain")
    events.emit("schedule.ran", schedule="inbox", count=3)
    assert not Event.objects.exists()


def test_record_is_undone_with_its_change():
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        events.emit("account.paused", model="account", ids=[1])
        raise Undone
    assert not Event.objects.exists()


def test_record_holds_no_secret():
    events.emit(
        "account.connected", model="account", ids=[1], secret={"token": "canary-1"}, note="token=canary-2"
    )
    assert "canary" not in str(Event.objects.get().data)
