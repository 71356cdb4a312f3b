"""Figures of campaigns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count

from automation.enums import OPEN_ENROLMENTS
from automation.models import Campaign, Enrolment


def funnel(campaign_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Enrolments by state for each campaign, in one query."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    rows = (
        Enrolment.objects.filter(campaign_id__in=list(campaign_ids)).order_by().values("campaign_id", "state")
    )
    for row in rows.annotate(n=Count("pk")):
        counts[row["campaign_id"]][row["state"]] = row["n"]
    return dict(counts)


def progress(campaign: Campaign) -> float:
    """The share of enrolments that have come to an end, 0.0 to 1.0; 0.0 with nobody enrolled."""
    states = funnel([campaign.pk]).get(campaign.pk, {})
    total = sum(states.values())
    still_open = sum(states.get(state, 0) for state in OPEN_ENROLMENTS)
    return (total - still_open) / total if total else 0.0
