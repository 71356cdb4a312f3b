"""Filling the pool of posts to reply to: those are read again who fit and, by their habit, may have just posted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import Now

from automation.discovery import frontier, opportunities, reading
from automation.enums import LookOrigin, Priority
from automation.models import DiscoveryPlan, FrontierEntry, ProfilePost
from leads.models import Profile
from outreach.lib import clock

EVERY = timedelta(minutes=5)
HABIT = timedelta(days=30)  # how far back somebody's habit is read
LOW, NEARLY = 0.2, 0.8  # of what is wanted
# Nobody is read more often than this; the emptier the pool, the sooner again.
PAUSES = ((LOW, timedelta(minutes=30)), (NEARLY, timedelta(hours=2)), (1.0, timedelta(hours=6)))
EACH = 2  # profiles read for an opportunity that is missing
MOST = 200  # profiles a harvest


def harvest(plan: DiscoveryPlan) -> int:
    """Tidy the pool of a network and, when it is not full, have likely authors read; returns how many."""
    opportunities.tidy(plan)
    now = clock.database_now()
    at_hand = opportunities.pool(plan.network).count()
    _remember(plan, at_hand)
    pause = _pause(at_hand, plan.opportunities_wanted)
    if pause is None or (plan.harvested_at and now - plan.harvested_at < EVERY):
        return 0
    DiscoveryPlan.objects.filter(pk=plan.pk).update(harvested_at=Now())
    asked = FrontierEntry.objects.open().filter(network=plan.network, origin=LookOrigin.HARVEST).count()
    missing = (plan.opportunities_wanted - at_hand) * EACH - asked
    chosen = authors(plan.network, now, pause)[: max(0, min(missing, MOST, plan.left(now.date())))]
    found = Profile.objects.filter(pk__in=chosen)
    reading.look_at(list(found), origin=LookOrigin.HARVEST, priority=Priority.NORMAL)
    return len(chosen)


def _remember(plan: DiscoveryPlan, at_hand: int) -> None:
    """From when on it is news that there are few."""
    if plan.filled_at is None and at_hand >= plan.opportunities_wanted * NEARLY > 0:
        DiscoveryPlan.objects.filter(pk=plan.pk).update(filled_at=Now())


def _pause(at_hand: int, wanted: int) -> timedelta | None:
    """How long somebody is left alone with this many at hand; ``None`` when there are enough."""
    if not wanted or at_hand >= wanted:
        return None
    return next(pause for share, pause in PAUSES if at_hand < wanted * share)


def authors(network: str, now: datetime, pause: timedelta) -> list[int]:
    """Profiles of people who fit, those first who post at this hour of the day and often; none read within ``pause``."""
    hours = [(now.hour + step) % 24 for step in (-2, -1, 0)]
    habits = ProfilePost.objects.filter(
        posted_at__gt=now - HABIT, profile__network=network, profile__fetched_at__lt=now - pause,
        profile__person__stage__in=opportunities.KNOWN_TO_FIT, profile__person__suppressed_at=None,
    )  # fmt: skip
    ranked = (
        habits.order_by().values("profile_id")
        .annotate(at_this_hour=Count("pk", filter=Q(posted_at__hour__in=hours)), often=Count("pk"))
        .order_by("-at_this_hour", "-often", "profile_id")
    )  # fmt: skip
    return list(ranked.values_list("profile_id", flat=True)[:MOST])


def harvest_all() -> int:
    """Every network that wants opportunities; returns how many profiles are read for them."""
    plans = DiscoveryPlan.objects.filter(opportunities_wanted__gt=0)
    harvested = 0
    for plan in plans:
        if found := harvest(plan):
            harvested += found
            frontier.nudge(plan.network)
    return harvested
