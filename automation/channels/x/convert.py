"""From X's JSON to the channel's dataclasses. Fields may be missing, so nothing is required."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from automation.channels.base import Inbound, PostInfo, PostMetrics, ProfileInfo
from automation.channels.line import moment

Json = Mapping[str, Any]
USER_FIELDS = [
    "description",
    "public_metrics",
    "entities",
    "name",
    "username",
    "protected",
    "location",
    "profile_image_url",
]
POST_FIELDS = [
    "created_at",
    "lang",
    "public_metrics",
    "entities",
    "note_tweet",
    "referenced_tweets",
    "author_id",
]
_EPOCH_MILLISECONDS = 1_288_834_974_657  # of ids since November 2010


def id_of(entity: Json | None) -> str:
    """An id as text; empty when there is none."""
    found = (entity or {}).get("id")
    return found if isinstance(found, str) else ""


def made_at(entity: Json) -> datetime | None:
    """When a post or message was made: to the millisecond from its id, else from its whole-second field."""
    number = id_of(entity)
    if number.isdecimal() and int(number) > 2**40:
        return datetime.fromtimestamp(((int(number) >> 22) + _EPOCH_MILLISECONDS) / 1000, UTC)
    told = entity.get("created_at")
    return moment(told) if isinstance(told, str) else None


def text_of(post: Json) -> str:
    """What a post or message says: whole where it is long, with the links its author wrote instead of X's own."""
    note = post.get("note_tweet")
    source = note if isinstance(note, dict) and note.get("text") else post
    text = str(source.get("text") or "")
    entities = source.get("entities")
    for link in (entities.get("urls") or []) if isinstance(entities, dict) else []:
        if isinstance(link, dict) and link.get("url"):
            # A picture's link is X's own addition.
            own = "" if link.get("media_key") else str(link.get("expanded_url") or link["url"])
            text = text.replace(str(link["url"]), own)
    return html.unescape(text).strip()


def fingerprint(text: str) -> str:
    """A text without its spaces and leading mentions, in small letters: replies gain the mention of whom they answer."""
    words = text.split()
    while words and words[0].startswith("@"):
        words.pop(0)
    return "".join(words).casefold()


def profile_of(user: Json, posts: tuple[PostInfo, ...] = ()) -> ProfileInfo:
    """A user as a profile; its language is the one most of its posts are in."""
    counts = user.get("public_metrics")
    metrics = counts if isinstance(counts, dict) else {}
    languages = Counter(post.language for post in posts if post.language)
    handle = str(user.get("username") or "")
    return ProfileInfo(
        handle=handle,
        remote_id=id_of(user),
        display_name=str(user.get("name") or ""),
        bio=html.unescape(str(user.get("description") or "")),
        url=f"https://x.com/{handle}",
        language=languages.most_common(1)[0][0] if languages else "",
        location=str(user.get("location") or ""),
        website=_website(user),
        avatar_url=str(user.get("profile_image_url") or "").replace("_normal.", "_400x400."),
        followers_count=_count(metrics.get("followers_count")),
        following_count=_count(metrics.get("following_count")),
        posts_count=_count(metrics.get("tweet_count")),
        posts=posts,
    )


def _website(user: Json) -> str:
    """The link beside the profile; X shows it through an address of its own, and keeps the real one with it."""
    link: Any = user.get("entities")
    for name in ("url", "urls"):
        link = link.get(name) if isinstance(link, dict) else None
    first = link[0] if isinstance(link, list) and link else None
    return str(first.get("expanded_url") or "") if isinstance(first, dict) else ""


def post_of(post: Json, handle: str = "") -> PostInfo:
    """A post with its replies counted; ``und`` and X's codes for pictures are no language."""
    language = str(post.get("lang") or "")
    return PostInfo(
        remote_id=id_of(post),
        text=text_of(post),
        url=url_of(id_of(post), handle),
        created_at=made_at(post),
        language=language if len(language) == 2 else "",
        replies=figure(post, "reply_count") or 0,
        likes=figure(post, "like_count"),
    )


def url_of(post_id: str, handle: str = "") -> str:
    """Where a person sees a post; X leads on from its id alone."""
    return f"https://x.com/{handle or 'i/web'}/status/{post_id}"


def metrics_of(post: Json) -> PostMetrics:
    """A post's figures; quotes count as reposts."""
    return PostMetrics(
        remote_id=id_of(post),
        likes=figure(post, "like_count") or 0,
        reposts=(figure(post, "retweet_count") or 0) + (figure(post, "quote_count") or 0),
        replies=figure(post, "reply_count") or 0,
        views=figure(post, "impression_count"),
    )


def replied_to(post: Json) -> str:
    """The id of the post this one answers, if any."""
    found = post.get("referenced_tweets")
    for reference in found if isinstance(found, list) else []:
        if isinstance(reference, dict) and reference.get("type") == "replied_to":
            return id_of(reference)
    return ""


def inbound_of(item: Json, kind: str, authors: Mapping[str, Json]) -> Inbound | None:
    """A mention or a message as somebody's words to us; ``None`` where its author or time is not told."""
    author_id = str(item.get("author_id") or item.get("sender_id") or "")
    author, sent_at = authors.get(author_id) or {}, made_at(item)
    if not author_id or sent_at is None or not author.get("username"):
        return None
    return Inbound(
        remote_id=id_of(item),
        kind=kind,
        handle=str(author["username"]),
        text=text_of(item) if kind == "dm" else without_mentions(text_of(item)),
        sent_at=sent_at,
        sender_id=author_id,
        sender_name=str(author.get("name") or ""),
        post_id=replied_to(item),
    )


def without_mentions(text: str) -> str:
    """The text after the @names a reply begins with."""
    words = text.lstrip()
    while words.startswith("@"):
        head, _, words = words.partition(" ")
        words = words.lstrip()
        if not words:
            return head
    return words


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def figure(post: Json, name: str) -> int | None:
    """One of a post's public figures; ``None`` where X does not tell."""
    found = post.get("public_metrics")
    return _count(found.get(name)) if isinstance(found, dict) else None
