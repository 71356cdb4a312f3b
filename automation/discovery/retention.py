"""How long what was looked at is kept; the facts themselves stay with the profiles."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from automation.discovery import pages
from automation.models import FrontierEntry, Opportunity, ProfilePost, SeenPage
from automation.models.frontier import FrontierQuerySet
from outreach.lib import retention


def register() -> None:
    """Announce our rules; called once when Django starts."""
    retention.register(
        retention.rows("pages seen", pages.KEEP, seen_pages),
        retention.rows("frontier", timedelta(days=3), finished),
        retention.rows("opportunities", timedelta(days=7), closed),
        retention.rows("posts of profiles", timedelta(days=90), posts),
    )


def seen_pages(before: datetime) -> QuerySet[SeenPage]:
    """Past the hour they serve (index seen_page_seen_at)."""
    return SeenPage.objects.filter(seen_at__lt=before).order_by("seen_at")


def finished(before: datetime) -> FrontierQuerySet:
    """Done, failed or dropped, the oldest first (index frontier_finished); before the tasks they name are purged."""
    return FrontierEntry.objects.filter(finished_at__lt=before).order_by("finished_at")


def closed(before: datetime) -> QuerySet[Opportunity]:
    """What came of them is in the conversation (index opportunity_created_at)."""
    over = Q(closed_at__isnull=False) | Q(expires_at__lt=before)
    return Opportunity.objects.filter(over, created_at__lt=before).order_by("created_at")


def posts(before: datetime) -> QuerySet[ProfilePost]:
    """Not seen again since (index profile_post_seen_at)."""
    return ProfilePost.objects.filter(seen_at__lt=before).order_by("seen_at")
