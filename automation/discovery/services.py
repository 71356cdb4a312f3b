"""What the rest of Outreach asks of discovery; importing it registers what finished looks mean."""

from __future__ import annotations

from automation.discovery import feeding, frontier, harvest
from automation.discovery.asking import (
    Queued,
    call_off,
    look,
    queue_handles,
    refresh,
    refresh_due,
    run_now,
)
from automation.discovery.budgets import plan_of, room_today, save_plan
from automation.discovery.opportunities import at_hand, dismiss, reply
from automation.discovery.reading import take_page, take_profile
from automation.discovery.sources import add_source, run_source, stop_source
from automation.models import FrontierEntry

__all__ = [
    "Queued",
    "add_source",
    "at_hand",
    "call_off",
    "dismiss",
    "look",
    "plan_of",
    "queue_handles",
    "refresh",
    "refresh_due",
    "reply",
    "room_today",
    "run_now",
    "run_source",
    "save_plan",
    "stop_source",
    "take_page",
    "take_profile",
    "tick",
]


def tick() -> int:
    """What the clock does for discovery: mend what was lost, ask for refreshes, fill the pool of opportunities, and have
    what waits handed out wherever a nudge was lost. Returns how much there was to do.
    """
    done = feeding.mend() + refresh_due() + harvest.harvest_all()
    waiting = FrontierEntry.objects.waiting().order_by("network")
    for network in waiting.values_list("network", flat=True).distinct():
        frontier.nudge(network)
    return done
