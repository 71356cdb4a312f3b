"""What can be read: profiles, lists of people, figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from automation.channels.base import AuthFailed, NotFound, Page, PostMetrics, ProfileInfo, Refused
from automation.channels.bluesky import convert, records
from automation.channels.bluesky.client import Client, Json
from automation.channels.bluesky.convert import entries, entry, word

PAGE = 100  # the most the network gives of most lists
RECENT_POSTS = 10
POSTS_PER_COMMENTERS_PAGE = 5  # each costs one more request of the call's time
METRICS_CHUNK = 25  # the most posts getPosts takes


def account(client: Client, handle: str, remote_id: str = "") -> Json:
    """Somebody's account with how it stands to us; :class:`NotFound`."""
    actor = next(
        (text for text in (remote_id, handle) if text.startswith("did:")), handle.strip().lstrip("@")
    )
    found: Json = client.read("app.bsky.actor.getProfile", actor=actor)
    if not word(found, "did"):
        raise NotFound(f"Nobody is called @{handle.lstrip('@')}.")
    return found


def profile(client: Client, handle: str, remote_id: str) -> ProfileInfo:
    """One profile with its recent posts, replies and reposts left out."""
    found = account(client, handle, remote_id)
    posts = tuple(convert.post_of(post) for post in _own_posts(client, word(found, "did"), RECENT_POSTS)[0])
    return convert.profile_of(found, posts)


def _own_posts(client: Client, did: str, limit: int, cursor: str = "") -> tuple[list[Json], str]:
    """Posts by the account itself, latest first, and the cursor of the next."""
    try:
        page = client.read(
            "app.bsky.feed.getAuthorFeed", actor=did, limit=limit, filter="posts_no_replies", **_from(cursor)
        )
    except Refused:
        return [], ""  # they blocked us, or we them: their account is shown, their posts are not
    posts = [entry(item, "post") for item in entries(page, "feed")]
    return [post for post in posts if word(entry(post, "author"), "did") == did], word(page, "cursor")


def accounts(client: Client, words: str, cursor: str) -> Page:
    """Accounts by words."""
    page = client.read("app.bsky.actor.searchActors", q=words.strip(), limit=PAGE, **_from(cursor))
    return _people(entries(page, "actors"), word(page, "cursor"))


def authors(client: Client, query: str, cursor: str) -> Page:
    """Who wrote something that fits, latest first."""
    page = client.read(
        "app.bsky.feed.searchPosts", q=query.strip(), sort="latest", limit=PAGE, **_from(cursor)
    )
    return _people((entry(post, "author") for post in entries(page, "posts")), word(page, "cursor"))


def followers(client: Client, handle: str, remote_id: str, cursor: str) -> Page:
    """Who follows them, latest first."""
    did = client.did_of(handle, remote_id)
    page = client.read("app.bsky.graph.getFollowers", actor=did, limit=PAGE, **_from(cursor))
    return _people(entries(page, "followers"), word(page, "cursor"))


def commenters(client: Client, handle: str, remote_id: str, cursor: str, over: int = 0) -> Page:
    """Authors of replies to the account's own posts with more than ``over``, each once a page; never the account itself."""
    did = client.did_of(handle, remote_id)
    posts, following = _own_posts(client, did, POSTS_PER_COMMENTERS_PAGE, cursor)
    people = [author for post in posts if _talked_about(post, over) for author in _repliers(client, post)]
    return _people((author for author in people if word(author, "did") != did), following)


def _talked_about(post: Json, over: int) -> bool:
    """More than ``over`` replies; of a post that tells no number they are read, unless many are wanted."""
    replies = convert.count(post, "replyCount")
    return not over if replies is None else replies > over


def _repliers(client: Client, post: Json) -> list[Json]:
    try:
        thread = client.read("app.bsky.feed.getPostThread", uri=word(post, "uri"), depth=1, parentHeight=0)
    except NotFound:
        return []  # deleted since the list was read
    replies = entries(entry(thread, "thread"), "replies")
    return [entry(entry(reply, "post"), "author") for reply in replies]


def _people(found: Iterable[Json], cursor: str) -> Page:
    people = {word(one, "did"): one for one in found if word(one, "did")}
    return Page(tuple(convert.profile_of(one) for one in people.values()), cursor)


def _from(cursor: str) -> dict[str, Any]:
    return {"cursor": cursor} if cursor else {}


def metrics(client: Client, remote_ids: Sequence[str]) -> list[PostMetrics]:
    """Figures in the order asked for; a post counts as gone when its own server no longer has it."""
    found: dict[str, Json] = {}
    for start in range(0, len(remote_ids), METRICS_CHUNK):
        page = client.read("app.bsky.feed.getPosts", uris=list(remote_ids[start : start + METRICS_CHUNK]))
        found |= {word(post, "uri"): post for post in entries(page, "posts")}
    return [_metrics(client, remote_id, found.get(remote_id)) for remote_id in remote_ids]


def _metrics(client: Client, remote_id: str, post: Json | None) -> PostMetrics:
    if post is None and not records.exists(client, remote_id):
        return PostMetrics(remote_id, gone=True)
    return convert.metrics_of(
        post or {}, remote_id
    )  # just written: the index that counts does not know it yet


def own_name(client: Client) -> tuple[str, str, str]:
    """Handle, identity and display name of the account we are signed in as; :class:`AuthFailed` when there is none."""
    try:
        me = client.read("com.atproto.server.getSession")
    except (NotFound, Refused) as refusal:
        problem = AuthFailed(str(refusal))
    else:
        return word(me, "handle"), word(me, "did"), _display_name(client, word(me, "did"))
    raise problem


def _display_name(client: Client, did: str) -> str:
    try:
        return word(account(client, "", did), "displayName")
    except (NotFound, Refused):
        return ""  # signed up a moment ago, and not in the index yet
