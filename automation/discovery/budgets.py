"""How much may be looked at on a network a UTC day: handed out under the plan's row lock, so that it is never overrun."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F, IntegerField
from django.db.models.functions import Cast, Greatest

from automation.enums import LookState, Priority
from automation.models import DiscoveryPlan, FrontierEntry
from outreach.lib import clock, events
from outreach.lib.actors import Actor

FOR_URGENT = 0.05  # of the day's looks are kept for what somebody asks for by hand
FIELDS = ("daily_looks", "refresh_days", "expand", "opportunities_wanted")


def plan_of(network: str) -> DiscoveryPlan:
    """The network's plan, made on first use."""
    plan, _ = DiscoveryPlan.objects.get_or_create(network=network)
    return plan


def locked(network: str) -> DiscoveryPlan:
    """The plan, locked until the transaction ends, as it stands today.

    A new day begins with what is still queued from the day before: it will be read today.
    """
    plan_of(network)
    plan = DiscoveryPlan.objects.select_for_update().get(network=network)
    today = clock.database_now().date()
    if plan.used_on != today:
        carried = FrontierEntry.objects.filter(network=network, state=LookState.QUEUED).count()
        plan.used_on, plan.used = today, carried
        plan.save(update_fields=["used_on", "used"])
    return plan


def today(network: str) -> int:
    """Looks the network's plan has left today."""
    return plan_of(network).left(clock.database_now().date())


def room(plan: DiscoveryPlan, priority: int, today: date | None = None) -> int:
    """Looks that may still be handed out to something of this priority: on ``today`` (UTC), or on the plan's own day, as
    :func:`locked` gives it.
    """
    kept = 0 if priority <= Priority.HIGH else int(plan.daily_looks * FOR_URGENT)
    return max(0, plan.left(today or plan.used_on or date.min) - kept)


def room_today(network: str, priority: int = Priority.LOW) -> int:
    """Looks the network's plan has left today for something of this priority."""
    return room(plan_of(network), priority, clock.database_now().date())


def spend(plan: DiscoveryPlan, looks: int) -> None:
    """Count looks that are handed out now; the plan comes from :func:`locked`."""
    plan.used += looks
    plan.save(update_fields=["used"])


def give_back(network: str, looks: int) -> None:
    """These were handed out and never made; of an earlier day nothing comes back."""
    today = clock.database_now().date()
    left = Greatest(Cast(F("used"), IntegerField()) - looks, 0)
    DiscoveryPlan.objects.filter(network=network, used_on=today).update(used=left)


def save_plan(plan: DiscoveryPlan, *, by: Actor) -> DiscoveryPlan:
    """Write a changed plan. Effects: it counts from the next look on; ``discoveryplan.changed``.

    Raises :class:`django.core.exceptions.ValidationError`.
    """
    plan.full_clean()
    plan.save(update_fields=FIELDS if plan.pk else None)  # what is used is counted by others
    told: dict[str, Any] = {name: getattr(plan, name) for name in FIELDS}
    events.emit("discoveryplan.changed", model="automation.discoveryplan", ids=[plan.pk], by=by, **told)
    return plan
