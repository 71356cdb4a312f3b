"""From the network's JSON to the channel's dataclasses. Anybody may write records, so nothing in them is relied on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from automation.channels.base import Inbound, PostInfo, PostMetrics, ProfileInfo
from automation.channels.line import moment

Json = Mapping[str, Any]

SITE = "https://bsky.app"
POST = "app.bsky.feed.post"
NO_HANDLE = "handle.invalid"  # what the network shows where a handle does not lead back to its account


def entry(value: Any, name: str) -> Json:
    """The object under ``name``; empty where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def entries(value: Any, name: str) -> list[Json]:
    """The objects of the list under ``name``."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def word(value: Any, name: str) -> str:
    """The text under ``name``; empty where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def count(value: Json, name: str) -> int | None:
    """The number under ``name``."""
    found = value.get(name)
    return found if isinstance(found, int) and found >= 0 else None


def handle_of(profile: Json) -> str:
    """Whom to address: the handle, or the identity of an account whose handle leads nowhere."""
    handle = word(profile, "handle")
    return word(profile, "did") if handle in ("", NO_HANDLE) else handle


def text_of(record: Json) -> str:
    """A post's words with its links whole: readers see them shortened, their address is kept beside the text."""
    text = word(record, "text").encode("utf-8", "replace")
    for facet in sorted(
        entries(record, "facets"), key=lambda one: -(count(entry(one, "index"), "byteStart") or 0)
    ):
        link = next(
            (word(feature, "uri") for feature in entries(facet, "features") if word(feature, "uri")), ""
        )
        start, end = (count(entry(facet, "index"), name) for name in ("byteStart", "byteEnd"))
        if link and start is not None and end is not None and start < end <= len(text):
            text = text[:start] + link.encode("utf-8", "replace") + text[end:]
    return text.decode("utf-8", "replace")


def page_of(handle: str, uri: str) -> str:
    """Where people see a post."""
    return f"{SITE}/profile/{handle}/post/{uri.rsplit('/', 1)[-1]}" if f"/{POST}/" in uri else ""


def when(value: str) -> datetime | None:
    """A time of the API, aware."""
    return moment(value) if value else None


def profile_of(profile: Json, posts: tuple[PostInfo, ...] = ()) -> ProfileInfo:
    """An account as a profile; its language is the one most of its posts are in."""
    languages = Counter(post.language for post in posts if post.language)
    handle = handle_of(profile)
    return ProfileInfo(
        handle=handle,
        remote_id=word(profile, "did"),
        display_name=word(profile, "displayName"),
        bio=word(profile, "description"),
        url=f"{SITE}/profile/{handle}",
        language=languages.most_common(1)[0][0] if languages else "",
        avatar_url=word(profile, "avatar"),
        followers_count=count(profile, "followersCount"),
        following_count=count(profile, "followsCount"),
        posts_count=count(profile, "postsCount"),
        posts=posts,
    )


def post_of(post: Json) -> PostInfo:
    """A post as the app view shows it."""
    record = entry(post, "record")
    languages = record.get("langs")
    uri = word(post, "uri")
    return PostInfo(
        remote_id=uri,
        text=text_of(record),
        url=page_of(handle_of(entry(post, "author")), uri),
        created_at=when(word(record, "createdAt")) or when(word(post, "indexedAt")),
        language=str(languages[0])[:16] if isinstance(languages, list) and languages else "",
        replies=count(post, "replyCount") or 0,
        likes=count(post, "likeCount"),
    )


def metrics_of(post: Json, remote_id: str) -> PostMetrics:
    """A post's figures; a quote is a repost with words, and nobody counts views here."""
    return PostMetrics(
        remote_id=remote_id,
        likes=count(post, "likeCount") or 0,
        reposts=(count(post, "repostCount") or 0) + (count(post, "quoteCount") or 0),
        replies=count(post, "replyCount") or 0,
    )


def inbound_of(notification: Json) -> Inbound | None:
    """A mention, reply or quote as a comment: ``post_id`` is the post it answers, if any; ``None`` for anything else."""
    record, author = entry(notification, "record"), entry(notification, "author")
    uri, sender = word(notification, "uri"), word(author, "did")
    if word(notification, "reason") not in ("mention", "reply", "quote") or not uri or not sender:
        return None
    return Inbound(
        remote_id=uri,
        kind="comment",
        handle=handle_of(author),
        text=text_of(record),
        sent_at=when(word(notification, "indexedAt")) or datetime.now(UTC),
        sender_id=sender,
        sender_name=word(author, "displayName"),
        post_id=word(entry(entry(record, "reply"), "parent"), "uri") or word(notification, "reasonSubject"),
        automatic=any(word(label, "val") == "bot" for label in entries(author, "labels")),
    )
