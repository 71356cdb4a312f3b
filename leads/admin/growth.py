"""How profiles' figures went, as a chart."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from django.utils import timezone

from leads.models import Profile, ProfileFigures

SHOWN = timedelta(days=365)
MOST_LINES = 6  # more cannot be told apart
COLOURS = ("#0284c7", "#15803d", "#b45309", "#7c3aed", "#b91c1c", "#0f766e")
OPTIONS = json.dumps(
    {
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "scales": {"y": {"ticks": {"precision": 0}}, "x": {"ticks": {"maxTicksLimit": 8}}},
        "spanGaps": True,
    }
)


def chart(profiles: Iterable[Profile], *, fields: Iterable[str] = ("followers_count",)) -> str:
    """The figures of the last year as the admin's line chart takes them (JSON), a line for a profile and field; empty when
    there are none. One query.
    """
    chosen = {profile.pk: profile for profile in profiles}
    since = timezone.now().date() - SHOWN
    rows = ProfileFigures.objects.filter(profile__in=list(chosen), day__gte=since).order_by("day", "pk")
    wanted = tuple(fields)
    lines: dict[tuple[int, str], dict[date, int]] = defaultdict(dict)
    for row in rows:
        for field in wanted:
            if (value := getattr(row, field)) is not None:
                lines[row.profile_id, field][row.day] = value
    if not lines:
        return ""
    days = sorted({day for points in lines.values() for day in points})
    drawn = sorted(lines.items(), key=lambda entry: max(entry[1].values()), reverse=True)[:MOST_LINES]
    return json.dumps(
        {
            "labels": [f"{day:%-d %b %Y}" for day in days],
            "datasets": [
                {
                    "label": _name(chosen[pk], field, alone=len(wanted) > 1),
                    "data": [points.get(day) for day in days],
                    "borderColor": COLOURS[place],
                    "backgroundColor": COLOURS[place],
                    "borderWidth": 2,
                    "pointRadius": 3 if len(days) < 40 else 0,
                    "displayYAxis": True,
                }
                for place, ((pk, field), points) in enumerate(drawn)
            ],
        }
    )


def _name(profile: Profile, field: str, *, alone: bool) -> str:
    what = field.removesuffix("_count")
    return what.capitalize() if alone else f"{profile.handle} ({profile.network})"
