"""Breakers that are open, and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from automation.models import Lane
from monitoring.checks.finding import Finding, error, warning

LONG = timedelta(minutes=30)


def look(now: datetime) -> Iterator[Finding]:
    opened = Lane.objects.filter(breaker_opened_at__isnull=False).select_related("account")
    by_network: dict[str, list[Lane]] = {}
    for lane in opened.order_by("breaker_opened_at"):
        by_network.setdefault(lane.network, []).append(lane)
    for network, lanes in by_network.items():
        since = lanes[0].breaker_opened_at or now
        handles = ", ".join(lane.account.handle for lane in lanes[:5]) + (", ..." if len(lanes) > 5 else "")
        yield (error if now - since > LONG else warning)(
            "breaker",
            f"{network} keeps failing for {len(lanes)} accounts since {since:%Y-%m-%d %H:%M} UTC: {handles}",
            "It is tried again by itself. If it stays open, see their last attempts in the admin.",
        )
