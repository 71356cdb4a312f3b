"""What can be read: professional profiles, who commented on our posts, figures, the inbox."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from automation.channels.base import (
    Inbound,
    InboxPage,
    NotFound,
    Page,
    PostInfo,
    PostMetrics,
    ProfileInfo,
    Refused,
)
from automation.channels.instagram.client import Client, Json, after, edge, id_of, rows
from automation.channels.line import moment

POSTS = 25
CONVERSATIONS = 25
PROFILE = "id,username,name,biography,website,profile_picture_url,followers_count,follows_count,media_count"
MEDIA = "id,caption,permalink,timestamp,comments_count,like_count"
COMMENT = "id,text,timestamp,username,from"
SAME_SECOND = 6  # of a stream's last second, how many are remembered


def profile(client: Client, handle: str) -> ProfileInfo:
    """A professional account with its latest posts; nobody else can be looked up."""
    name = handle.strip().lstrip("@")
    if not name or not name.replace("_", "").replace(".", "").isalnum() or not name.isascii():
        raise NotFound("Without a handle that Instagram could have given there is nobody to look up.")
    own_id = client.login.remote_id or str(client.get("/me", fields="user_id").get("user_id") or "")
    asked = f"business_discovery.username({name}){{{PROFILE},media.limit(10){{{MEDIA}}}}}"
    found = client.facebook(f"/{own_id}", fields=asked).get("business_discovery")
    if not isinstance(found, dict) or not id_of(found):
        raise NotFound(f"@{name} is no professional account, or does not exist.")
    return _profile_of(found)


def _profile_of(node: Json) -> ProfileInfo:
    handle = str(node.get("username") or "")
    return ProfileInfo(
        handle=handle,
        remote_id=id_of(node),
        display_name=str(node.get("name") or ""),
        bio=str(node.get("biography") or ""),
        url=f"https://www.instagram.com/{handle}/",
        website=str(node.get("website") or ""),
        avatar_url=str(node.get("profile_picture_url") or ""),
        followers_count=_count(node.get("followers_count")),
        following_count=_count(node.get("follows_count")),
        posts_count=_count(node.get("media_count")),
        posts=tuple(_post_of(one) for one in edge(node, "media")),
    )


def _post_of(node: Json) -> PostInfo:
    return PostInfo(
        remote_id=id_of(node),
        text=str(node.get("caption") or ""),
        url=str(node.get("permalink") or ""),
        created_at=moment(str(node.get("timestamp") or "")),
        replies=_count(node.get("comments_count")) or 0,
        likes=_count(node.get("like_count")),
    )


def commenters(client: Client, handle: str, cursor: str, over: int = 0) -> Page:
    """Who commented on our own posts, a page of posts at a time; of others' posts Instagram does not tell."""
    me = str(client.get("/me", fields="username").get("username") or "")
    if handle and handle.strip().lstrip("@").casefold() != me.casefold():
        raise Refused("Instagram tells only who commented on the account's own posts.")
    answer = client.get(
        "/me/media", fields=f"comments_count,comments.limit(50){{{COMMENT}}}", limit=POSTS, after=cursor
    )
    people = {
        str(one.get("username") or ""): id_of(one.get("from"))
        for media in rows(answer) if not over or (_count(media.get("comments_count")) or 0) > over
        for one in edge(media, "comments")
    }  # fmt: skip
    found = [ProfileInfo(name, number) for name, number in people.items() if name and name != me]
    return Page(tuple(found), after(answer))


def metrics(client: Client, remote_ids: Sequence[str]) -> list[PostMetrics]:
    """Figures of our own posts in the order asked for."""
    return [_metrics(client, one) for one in remote_ids]


def _metrics(client: Client, media_id: str) -> PostMetrics:
    fields = "like_count,comments_count,insights.metric(views,shares)"
    try:
        node = client.get(f"/{media_id}", fields=fields)
    except NotFound:
        return PostMetrics(media_id, gone=True)
    told = {str(row.get("name")): _value(row) for row in edge(node, "insights")}
    return PostMetrics(
        media_id,
        likes=_count(node.get("like_count")) or 0,
        reposts=told.get("shares") or 0,
        replies=_count(node.get("comments_count")) or 0,
        views=told.get("views"),
    )


def _value(row: Json) -> int | None:
    values = row.get("values")
    first = values[0] if isinstance(values, list) and values else None
    return _count(first.get("value")) if isinstance(first, dict) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# --- The inbox -------------------------------------------------------------------------------------------------------
# Times have whole seconds, so the cursor keeps of each stream its last second and short marks of what was read in it.
def inbox(client: Client, since: str) -> InboxPage:
    """Comments on our latest posts and messages after ``since``, oldest first."""
    me = client.get("/me", fields="user_id,username")
    name = str(me.get("username") or "")
    marks = [*since.split("|"), "", ""][:2]
    comments, first = _fresh(_comments(client, name), marks[0])
    messages, second = _fresh(_messages(client, name), marks[1])
    # Lists are newest first and times have whole seconds: turned round, the order within a second is right too.
    found = [*comments, *messages][::-1]
    found.sort(key=lambda one: one.sent_at)
    return InboxPage(tuple(found), f"{first}|{second}")


def _comments(client: Client, own_name: str) -> list[Inbound]:
    asked = f"comments.limit(50){{{COMMENT},replies{{{COMMENT}}}}}"
    found = []
    for media in rows(client.get("/me/media", fields=asked, limit=POSTS)):
        for comment in edge(media, "comments"):
            for one, parent in ((comment, media), *((reply, comment) for reply in edge(comment, "replies"))):
                author = str(one.get("username") or "")
                sent_at = moment(str(one.get("timestamp") or ""))
                if author and author != own_name and sent_at:
                    sender = id_of(one.get("from"))
                    text = str(one.get("text") or "")
                    found.append(
                        Inbound(id_of(one), "comment", author, text, sent_at, sender, post_id=id_of(parent))
                    )
    return found


def _messages(client: Client, own_name: str) -> list[Inbound]:
    asked = "id,updated_time,messages.limit(20){id,created_time,from,message}"
    answer = client.get("/me/conversations", platform="instagram", fields=asked, limit=CONVERSATIONS)
    found = []
    for conversation in rows(answer):
        for one in edge(conversation, "messages"):
            sender = one.get("from")
            author = str(sender.get("username") or "") if isinstance(sender, dict) else ""
            sent_at = moment(str(one.get("created_time") or ""))
            if author and author != own_name and sent_at:
                text = str(one.get("message") or "")
                found.append(Inbound(id_of(one), "dm", author, text, sent_at, id_of(sender)))
    return found


def _fresh(found: Iterable[Inbound], mark: str) -> tuple[list[Inbound], str]:
    """What came after a stream's mark, and its new mark: ``second:mark,mark``."""
    second, _, known = mark.partition(":")
    last = int(second) if second.isdecimal() else 0
    seen = set(known.split(","))
    fresh = [one for one in found if _second(one) > last or (_second(one) == last and _mark(one) not in seen)]
    if not fresh:
        return [], mark
    newest = max(_second(one) for one in fresh)
    marks = [_mark(one) for one in fresh if _second(one) == newest]
    if newest == last:
        marks += sorted(seen)
    return fresh, f"{newest}:{','.join(marks[:SAME_SECOND])}"


def _second(one: Inbound) -> int:
    return int(datetime.timestamp(one.sent_at))


def _mark(one: Inbound) -> str:
    return f"{zlib.crc32(one.remote_id.encode()):08x}"
