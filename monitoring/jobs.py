"""What django-q2 may call for monitoring."""

from __future__ import annotations

from monitoring.alerts import delivery, sources
from outreach.lib import events


def follow_alerts() -> int:
    """Open, remind of and resolve what events missed; tell what is due. Returns how many changes were told."""
    changed = sources.look()
    told = delivery.deliver()
    events.emit("schedule.ran", schedule="alerts", changed=changed, told=told)
    return told


def run_checks() -> int:
    """Turn what the checks find into alerts, and tell them. Returns how many changes were told."""
    changed = sources.follow_checks()
    told = delivery.deliver()
    events.emit("schedule.ran", schedule="checks", changed=changed, told=told)
    return told


def deliver_alerts() -> int:
    """Tell what is due now."""
    return delivery.deliver()
