"""Posts of people we found, kept as they stood when their profile was last read."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.functions import Now

from automation.channels.base import PostInfo
from automation.models import ProfilePost
from leads.models import Profile
from leads.services.facts import MAX_COUNT, MAX_POSTS, MAX_TEXT, clean_text, web_address

SEEN_AGAIN = ("text", "url", "comments", "likes", "seen_at")


def keep(profile: Profile, posts: Sequence[PostInfo]) -> None:
    """Keep a profile's recent posts, each once; what was kept before gets the words and figures of now."""
    rows = {}
    for post in posts[:MAX_POSTS]:
        if remote_id := clean_text(post.remote_id, 255):
            rows[remote_id] = ProfilePost(
                profile=profile, remote_id=remote_id, text=clean_text(post.text, MAX_TEXT), url=web_address(post.url),
                language=clean_text(post.language, 8), posted_at=post.created_at,
                comments=min(max(post.replies, 0), MAX_COUNT), likes=_likes(post), seen_at=Now(),
            )  # fmt: skip
    ProfilePost.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["profile", "remote_id"], update_fields=SEEN_AGAIN
    )


def _likes(post: PostInfo) -> int | None:
    return None if post.likes is None else min(max(post.likes, 0), MAX_COUNT)
