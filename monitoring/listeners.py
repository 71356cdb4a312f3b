"""What monitoring does when the apps below announce something."""

from __future__ import annotations

from monitoring import heartbeats
from monitoring.models import Event, HeartbeatKind
from outreach.lib import events
from outreach.lib.logs import redact

# Announced for every act or every few seconds: tasks keep their own ledger (attempts), beats are heartbeats.
NOT_AUDITED = ("task.", "process.", "schedule.")


def connect() -> None:
    """Subscribe; called once when Django starts."""
    events.subscribe("process.beat", on_process_beat)
    events.subscribe("process.ended", on_process_ended)
    events.subscribe("schedule.ran", on_schedule_ran)
    events.subscribe("*", record)


def on_process_beat(event: events.Event) -> None:
    """``kind`` says what beats, ``process`` its name unless it is this one; operators see ``detail``."""
    kind = event.data["kind"]
    heartbeats.beat(
        event.data.get("process") or heartbeats.process_name(kind), kind, event.data.get("detail")
    )


def on_process_ended(event: events.Event) -> None:
    """A process stopped on purpose."""
    heartbeats.end(event.data.get("process") or heartbeats.process_name(event.data["kind"]))


def on_schedule_ran(event: events.Event) -> None:
    """``schedule`` is its name in the table."""
    detail = {key: value for key, value in event.data.items() if key != "schedule"}
    heartbeats.beat(heartbeats.schedule_name(event.data["schedule"]), HeartbeatKind.SCHEDULE, detail)


def record(event: events.Event) -> None:
    """Write one audit row, in the transaction of the change itself: both are kept or neither."""
    if event.name.startswith(NOT_AUDITED):
        return
    Event.objects.create(
        name=event.name, model=event.model, ids=list(event.ids), by=event.by[:150], data=redact(event.data)
    )
