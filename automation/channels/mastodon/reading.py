"""What can be read: profiles, lists of people, figures, the inbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from automation.channels.base import InboxPage, NotFound, Page, PostMetrics, ProfileInfo, Refused
from automation.channels.mastodon import convert
from automation.channels.mastodon.client import Client, entities, entity
from automation.channels.mastodon.convert import Json, id_of

PAGE = 40  # the most that servers give of most lists
RECENT_POSTS = 10
POSTS_PER_COMMENTERS_PAGE = 5  # each costs one more request of the call's time
SEARCH_DEPTH = 400  # servers that ignore the offset would repeat their first page for ever
METRICS_CHUNK = 20  # Mastodon answers for the first 20 ids and leaves out the others
FIRST_ID = "0"  # before every id: numbers, ULIDs and flakes


def profile(client: Client, handle: str, remote_id: str) -> ProfileInfo:
    """One profile with its recent public posts."""
    account = client.find(handle, remote_id)
    statuses = client.read(
        client.api.account_statuses,
        id_of(account),
        exclude_replies=True,
        exclude_reblogs=True,
        limit=RECENT_POSTS,
    )
    # What somebody wrote to us alone, or to followers, is no post to like or answer in public.
    posts = [status for status in entities(statuses) if status.get("visibility") in convert.PUBLIC]
    return convert.profile_of(account, client.domain, tuple(convert.post_of(status) for status in posts))


def accounts(client: Client, words: str, cursor: str) -> Page:
    """Accounts by words; the cursor is how many were seen."""
    seen = int(cursor or 0)
    found = entities(client.read(client.api.account_search, words.strip(), limit=PAGE, offset=seen or None))
    more = len(found) >= PAGE and seen + len(found) < SEARCH_DEPTH
    return Page(_profiles(client, found), str(seen + len(found)) if more else "")


def authors(client: Client, tag: str, cursor: str) -> Page:
    """Who wrote under a hashtag, latest first."""
    page = client.read(client.api.timeline_hashtag, tag, max_id=cursor or None, limit=PAGE)
    return Page(_profiles(client, _authors(entities(page))), _next(client, page))


def followers(client: Client, handle: str, remote_id: str, cursor: str) -> Page:
    """Followers; the cursor is the server's own, from its Link header: it is no account's id on every server."""
    account = client.find(handle, remote_id)
    page = client.read(client.api.account_followers, id_of(account), max_id=cursor or None, limit=PAGE)
    return Page(_profiles(client, entities(page)), _next(client, page))


def commenters(client: Client, handle: str, remote_id: str, cursor: str, over: int = 0) -> Page:
    """Authors of replies to the profile's own posts with more than ``over``, each once a page; never the profile itself."""
    account = client.find(handle, remote_id)
    page = client.read(
        client.api.account_statuses,
        id_of(account),
        exclude_reblogs=True,
        max_id=cursor or None,
        limit=POSTS_PER_COMMENTERS_PAGE,
    )
    replies: list[Json] = []
    for status in entities(page):
        if status.get("visibility") in convert.PUBLIC and _talked_about(status, over):
            replies += _replies(client, id_of(status))
    people = (author for author in _authors(replies) if id_of(author) != id_of(account))
    return Page(_profiles(client, people), _next(client, page))


def _talked_about(status: Json, over: int) -> bool:
    """More than ``over`` replies; a server that does not count is asked for those of every post, unless many are wanted."""
    replies = convert.count(status.get("replies_count"))
    return not over if replies is None else replies > over


def _replies(client: Client, status_id: str) -> list[Json]:
    try:
        context = client.read(client.api.status_context, status_id)
    except NotFound:
        return []  # deleted since the list was read
    found = entities(context.get("descendants") or [])
    return [reply for reply in found if str(reply.get("in_reply_to_id")) == status_id]


def _authors(statuses: Iterable[Json]) -> list[Json]:
    found = (status.get("account") or {} for status in statuses)
    return list({id_of(account): account for account in found if id_of(account)}.values())


def _profiles(client: Client, found: Iterable[Json]) -> tuple[ProfileInfo, ...]:
    return tuple(convert.profile_of(account, client.domain) for account in found if id_of(account))


def _next(client: Client, page: Any) -> str:
    following = client.api.get_pagination_info(page, "next")
    return str(following["max_id"]) if following and following.get("max_id") else ""


def metrics(client: Client, remote_ids: Sequence[str]) -> list[PostMetrics]:
    """Figures in the order asked for. Whatever a batch leaves out is asked for by itself before it counts as gone."""
    found: dict[str, Json] = {}
    for start in range(0, len(remote_ids), METRICS_CHUNK):
        found |= _batch(client, list(remote_ids[start : start + METRICS_CHUNK]))
    return [_metrics(client, remote_id, found.get(remote_id)) for remote_id in remote_ids]


def _batch(client: Client, remote_ids: list[str]) -> dict[str, Json]:
    try:
        return {id_of(status): status for status in entities(client.read(client.api.statuses, remote_ids))}
    except (NotFound, Refused):
        return {}  # servers before 4.3, and others of the family, have no batches


def _metrics(client: Client, remote_id: str, status: Json | None) -> PostMetrics:
    try:
        status = status or entity(client.read(client.api.status, remote_id))
    except NotFound:
        return PostMetrics(remote_id, gone=True)
    return convert.metrics_of(status, remote_id)


def inbox(client: Client, since: str) -> InboxPage:
    """The page of mentions right after ``since``.

    ``min_id`` gives the oldest that are newer, so a backlog of any length is read page by page and nothing between two
    pages is lost. The cursor covers everything the page held, also what turned out to be no message.
    """
    page = entities(
        client.read(client.api.notifications, types=["mention"], min_id=since or FIRST_ID, limit=PAGE)
    )
    fresh = sorted(
        (item for item in page if _order(id_of(item)) > _order(since)), key=lambda item: _order(id_of(item))
    )
    found = (convert.inbound_of(item, client.domain) for item in fresh)
    cursor = id_of(fresh[-1]) if fresh else since
    return InboxPage(
        tuple(message for message in found if message), cursor, more=len(page) >= PAGE and bool(fresh)
    )


def _order(identifier: str) -> tuple[int, str]:
    """Numbers by value, ULIDs and flakes by their letters: each kind has one length, numbers grow with theirs."""
    return len(identifier), identifier
