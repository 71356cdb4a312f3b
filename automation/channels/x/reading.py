"""What can be read: profiles, lists of people, figures, the inbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from automation.channels.base import Inbound, InboxPage, NotFound, Page, PostMetrics, ProfileInfo, Refused
from automation.channels.x import convert
from automation.channels.x.client import Client, entities, entity, next_token, posts_of, users_of
from automation.channels.x.convert import POST_FIELDS, USER_FIELDS, Json, id_of

RECENT_POSTS = 10
PEOPLE = 100  # of the 1,000 X would give: each costs
FOUND = 50
MESSAGES = 100
METRICS_AT_ONCE = 100


def profile(client: Client, handle: str, remote_id: str) -> ProfileInfo:
    """One profile with its recent own posts; of a protected one we do not follow, without."""
    if handle:
        user = client.find(handle, user_fields=USER_FIELDS)
    else:
        user = entity(client.read(client.api.get_user, id=remote_id, user_fields=USER_FIELDS))
    try:
        answer = client.read(
            client.api.get_users_tweets, id_of(user), exclude=["replies", "retweets"], max_results=RECENT_POSTS,
            tweet_fields=POST_FIELDS,
        )  # fmt: skip
    except (NotFound, Refused):
        answer = {}
    name = str(user.get("username") or "")
    return convert.profile_of(user, tuple(convert.post_of(post, name) for post in entities(answer)))


def authors(client: Client, query: str, cursor: str, *, without: str = "") -> Page:
    """Who wrote the posts a search finds, latest first, each once a page."""
    answer = client.read(
        client.api.search_recent_tweets, query, max_results=FOUND, next_token=cursor or None, expansions=["author_id"],
        tweet_fields=["author_id"], user_fields=USER_FIELDS,
    )  # fmt: skip
    return _authors(answer, entities(answer), without=without)


def _authors(answer: Json, posts: Iterable[Json], *, without: str = "") -> Page:
    """Who wrote these posts of an answer, each once."""
    people = users_of(answer)
    order = dict.fromkeys(str(post.get("author_id") or "") for post in posts)
    found = (people[one] for one in order if one in people and one != without)
    return Page(tuple(convert.profile_of(user) for user in found), next_token(answer))


def followers(client: Client, handle: str, remote_id: str, cursor: str) -> Page:
    """Followers, newest first."""
    answer = client.read(
        client.api.get_users_followers, client.target(handle, remote_id), max_results=PEOPLE,
        pagination_token=cursor or None, user_fields=USER_FIELDS,
    )  # fmt: skip
    return Page(tuple(convert.profile_of(user) for user in entities(answer)), next_token(answer))


def commenters(client: Client, handle: str, remote_id: str, cursor: str, over: int = 0) -> Page:
    """Who answered the profile's posts with more than ``over`` replies in the last seven days; never the profile itself."""
    user = client.find(handle) if handle else entity(client.read(client.api.get_user, id=remote_id))
    name = str(user.get("username") or "")
    answer = client.read(
        client.api.search_recent_tweets, f"to:{name} is:reply -from:{name}", max_results=FOUND, next_token=cursor or None,
        expansions=["author_id", "referenced_tweets.id"], tweet_fields=["author_id", "referenced_tweets", "public_metrics"],
        user_fields=USER_FIELDS,
    )  # fmt: skip
    busy = {id_of(post) for post in posts_of(answer) if (convert.figure(post, "reply_count") or 0) > over}
    replies = [post for post in entities(answer) if not over or convert.replied_to(post) in busy]
    return _authors(answer, replies, without=id_of(user))


def metrics(client: Client, remote_ids: Sequence[str]) -> list[PostMetrics]:
    """Figures in the order asked for; what X leaves out is gone."""
    found: dict[str, Json] = {}
    for start in range(0, len(remote_ids), METRICS_AT_ONCE):
        ids = list(remote_ids[start : start + METRICS_AT_ONCE])
        try:
            answer = client.read(client.api.get_tweets, ids, tweet_fields=["public_metrics"])
        except (NotFound, Refused):
            continue  # none of them is left, or for us to see
        found |= {id_of(post): post for post in entities(answer)}
    return [
        convert.metrics_of(found[one]) if one in found else PostMetrics(one, gone=True) for one in remote_ids
    ]


# --- The inbox -------------------------------------------------------------------------------------------------------
# X gives mentions and messages newest first. The cursor keeps for each: the newest id that is done with, and while a
# backlog of several pages is being read, the newest of its first page and where the next page begins.
Mark = list[str]  # [done up to, will be done up to, token]
START: Mark = ["0", "0", ""]


def inbox(client: Client, since: str) -> InboxPage:
    """One page each of mentions and direct messages after ``since``, oldest first within the page."""
    marks = _marks(since)
    own = client.own_id
    mentions = _page(client, client.api.get_users_mentions, marks["m"], own, since_id=True)
    messages = _page(client, client.api.get_direct_message_events, marks["d"], "", since_id=False)
    found = _inbound(mentions, "comment", own) + _inbound(messages, "dm", own)
    marks = {"m": mentions.mark, "d": messages.mark}
    cursor = json.dumps(marks, separators=(",", ":"))
    more = bool(mentions.mark[2] or messages.mark[2])
    return InboxPage(tuple(sorted(found, key=lambda one: one.sent_at)), cursor, more)


def _marks(since: str) -> dict[str, Mark]:
    """The cursor's marks; one that is not ours begins at the very first."""
    try:
        kept = json.loads(since) if since else {}
    except ValueError:
        kept = {}
    found = kept if isinstance(kept, dict) else {}
    return {name: list(found[name]) if _is_mark(found.get(name)) else list(START) for name in ("m", "d")}


def _is_mark(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(part, str) for part in value)
        and value[0].isdecimal()
        and value[1].isdecimal()
    )


class _Read:
    """What one page gave: its items that are new, who wrote them, and the mark to go on from."""

    def __init__(self, answer: Json, mark: Mark) -> None:
        done, newest, token = mark
        everything = [item for item in entities(answer) if id_of(item).isdecimal()]
        self.items = [item for item in everything if int(id_of(item)) > int(done)]
        self.people = users_of(answer)
        if not token and self.items:
            newest = max((id_of(item) for item in self.items), key=int)
        following = next_token(answer)
        goes_on = bool(following) and len(self.items) == len(everything)
        self.mark: Mark = (
            [done, newest, following] if goes_on else [_later(done, newest), _later(done, newest), ""]
        )


def _later(one: str, other: str) -> str:
    return max(one, other, key=int)


def _page(client: Client, method: Callable[..., Any], mark: Mark, own: str, *, since_id: bool) -> _Read:
    given: dict[str, Any] = {"max_results": MESSAGES, "pagination_token": mark[2] or None, "user_auth": False}
    if since_id:
        given |= {
            "since_id": mark[0] if int(mark[0]) else None,
            "tweet_fields": POST_FIELDS,
            "expansions": ["author_id"],
        }
        answer = client.read(method, own, user_fields=USER_FIELDS, **given)
    else:
        given |= {"event_types": "MessageCreate", "expansions": ["sender_id"], "user_fields": USER_FIELDS}
        fields = ["id", "text", "event_type", "created_at", "dm_conversation_id", "sender_id", "entities"]
        answer = client.read(method, dm_event_fields=fields, **given)
    return _Read(answer, mark)


def _inbound(read: _Read, kind: str, own: str) -> list[Inbound]:
    theirs: Iterable[Json] = (
        item for item in read.items if (item.get("author_id") or item.get("sender_id")) != own
    )
    found = (convert.inbound_of(item, kind, read.people) for item in theirs)
    return [message for message in found if message]
