"""Posts of people we found: kept once each, with the figures of when they were last seen."""

from __future__ import annotations

import pytest

from automation.channels.base import PostInfo
from automation.discovery import posts
from automation.models import ProfilePost
from leads.services.facts import MAX_COUNT
from tests.factories import make_profile

pytestmark = pytest.mark.django_db


def test_a_post_is_kept_once_with_its_latest_figures() -> None:
    profile = make_profile()
    posts.keep(profile, [PostInfo("1", "New beans", replies=2, likes=3), PostInfo("2", "Silence")])
    posts.keep(profile, [PostInfo("1", "New beans!", replies=7, likes=40)])
    found = ProfilePost.objects.order_by("remote_id").values_list("text", "comments", "likes")
    assert list(found) == [("New beans!", 7, 40), ("Silence", 0, None)]


@pytest.mark.parametrize(("told", "kept"), [(0, 0), (-5, 0), (10**12, MAX_COUNT), (None, None)])
def test_likes_are_kept_as_far_as_a_column_can_hold_them(told: int | None, kept: int | None) -> None:
    posts.keep(make_profile(), [PostInfo("1", "Odd", likes=told)])
    assert ProfilePost.objects.get().likes == kept
