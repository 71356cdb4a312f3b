"""Figures of profiles: a row for a day on which something changed, nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leads import services
from leads.models import ProfileFigures
from outreach.lib import retention
from tests.factories import make_profile
from tests.leads.conftest import Info

pytestmark = pytest.mark.django_db


def read(profile: Any, followers: int | None, **more: Any) -> None:
    info = Info(profile.handle, followers_count=followers, **more)
    services.record_fetch(profile, info, refresh_after=timedelta(1))


def kept(profile: Any) -> list[tuple[int | None, ...]]:
    rows = ProfileFigures.objects.filter(profile=profile).order_by("day")
    return list(rows.values_list("followers_count", "following_count", "posts_count"))


def yesterday(profile: Any) -> None:
    """What was kept today was kept a day before."""
    for row in ProfileFigures.objects.filter(profile=profile).order_by("day"):
        ProfileFigures.objects.filter(pk=row.pk).update(day=row.day - timedelta(days=1))


def test_a_day_has_one_row_and_its_last_figures_count() -> None:
    profile = make_profile()
    read(profile, 10, following_count=3, posts_count=1)
    read(profile, 12, following_count=3, posts_count=2)
    assert kept(profile) == [(12, 3, 2)]


def test_a_day_without_a_change_has_none() -> None:
    profile = make_profile()
    read(profile, 10)
    yesterday(profile)
    read(profile, 10)
    assert kept(profile) == [(10, None, None)]
    read(profile, 11)
    assert kept(profile) == [(10, None, None), (11, None, None)]


def test_profile_without_figures_leaves_no_row() -> None:
    profile = make_profile()
    read(profile, None)
    assert kept(profile) == []


def test_figures_are_forgotten_after_two_years() -> None:
    profile = make_profile()
    today = timezone.now().date()
    for days in (10, 800):
        ProfileFigures.objects.create(profile=profile, day=today - timedelta(days=days), followers_count=days)
    assert retention.run(rest=0).rows["figures of profiles"] == 1
    assert kept(profile) == [(10, None, None)]
