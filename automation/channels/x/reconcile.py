"""Whether an unclear act took place, as far as X shows it.

Follows and likes are states: what counts is whether they hold now, since asking for what holds already changes nothing.

Posts, replies and messages are found by reading back what we wrote: the same words, in the same place, made after the act
began by X's own clock, prove it. That none is found proves nothing, since X does not promise that its lists are whole, so
such an act is left to a person. X refuses the same words twice, but a refusal does not say which of two posts was first:
it proves nothing either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from automation.channels.base import Act, Done, Finding, NotFound, Proof
from automation.channels.x import convert
from automation.channels.x.client import Client, entities, entity, next_token
from automation.channels.x.convert import POST_FIELDS, Json, fingerprint, id_of

PAGE = 100
MAX_PAGES = 5
LIKES_PAGES = 3
CLOCKS_AGREE = 1.0  # seconds a post may seem to come before the act that made it
NO_PROOF = Finding(Proof.NONE)
ABSENT = Finding(Proof.ABSENT)
FOLLOWING = ("following", "follow_request_sent")


def composed(act: Act) -> str:
    """The text as posted: the warning first, the link at its end unless it holds it already."""
    parts = [act.content_warning, act.text, "" if act.link in act.text else act.link]
    return "\n\n".join(part for part in parts if part).strip()


def find(client: Client, act: Act) -> Finding:
    """The proof for one act; every kind this channel can do."""
    match act.kind:
        case "follow" | "unfollow":
            return _relation(client, act)
        case "like":
            return _liked(client, act)
        case "post" | "reply":
            return _written(client, act)
        case "dm":
            return _messaged(client, act)
    return NO_PROOF


def _relation(client: Client, act: Act) -> Finding:
    try:
        user = entity(
            client.read(
                client.api.get_user, id=client.target(act.handle, act.remote_id), user_fields=["connection_status"],
                user_auth=False,
            )
        )  # fmt: skip
    except NotFound:
        return ABSENT  # nothing to follow is left; trying again says so
    states = user.get("connection_status") or []  # X leaves it out where there is no connection
    if not isinstance(states, list):
        return NO_PROOF
    follows = any(state in FOLLOWING for state in states)
    return _present(id_of(user)) if follows == (act.kind == "follow") else ABSENT


def _liked(client: Client, act: Act) -> Finding:
    """Our likes, latest first; liking again what a longer list would have shown changes nothing."""
    token: str | None = None
    own = client.own_id
    for _ in range(LIKES_PAGES):
        answer = client.read(
            client.api.get_liked_tweets, own, max_results=PAGE, pagination_token=token, user_auth=False
        )
        if any(id_of(post) == act.post_id for post in entities(answer)):
            return _present(act.post_id)
        token = next_token(answer) or None
        if token is None:
            break
    return ABSENT


def _written(client: Client, act: Act) -> Finding:
    if act.started_at is None:
        return NO_PROOF
    wanted, token = fingerprint(composed(act)), None
    since, own = _since(client, act.started_at), client.own_id
    for _ in range(MAX_PAGES):
        answer = client.read(
            client.api.get_users_tweets, own, max_results=PAGE, pagination_token=token, tweet_fields=POST_FIELDS,
            user_auth=False,
        )  # fmt: skip
        posts = entities(answer)
        parent = act.post_id if act.kind == "reply" else ""
        mine = [one for one in posts if convert.replied_to(one) == parent and _is(one, wanted, since)]
        if mine:
            return _present(id_of(min(mine, key=_at)))
        token = next_token(answer) or None
        if token is None or not posts or _at(posts[-1]) < since:
            break
    return NO_PROOF


def _messaged(client: Client, act: Act) -> Finding:
    if act.started_at is None:
        return NO_PROOF
    try:
        target = client.target(act.handle, act.remote_id)
    except NotFound:
        return NO_PROOF
    own = client.own_id
    answer = client.read(
        client.api.get_direct_message_events, participant_id=target, event_types="MessageCreate", max_results=PAGE,
        dm_event_fields=["id", "text", "created_at", "sender_id", "entities"], user_auth=False,
    )  # fmt: skip
    wanted, since = fingerprint(composed(act)), _since(client, act.started_at)
    mine = [one for one in entities(answer) if one.get("sender_id") == own and _is(one, wanted, since)]
    return Finding(Proof.PRESENT, Done(id_of(min(mine, key=_at)))) if mine else NO_PROOF


def _is(item: Json, wanted: str, since: datetime) -> bool:
    return _at(item) >= since and fingerprint(convert.text_of(item)) == wanted


def _at(item: Json) -> datetime:
    """When it was made; what does not tell is older than everything, and proves nothing."""
    return convert.made_at(item) or datetime.min.replace(tzinfo=UTC)


def _since(client: Client, started_at: datetime) -> datetime:
    """The act's beginning on X's clock, with as much slack as that clock is known to."""
    skew, doubt = client.wire.skew, client.wire.doubt
    # Within what a whole-second header can tell, clocks are taken to agree.
    if skew is None or abs(skew) <= doubt + 1:
        return started_at - timedelta(seconds=CLOCKS_AGREE)
    return started_at + timedelta(seconds=skew - doubt - CLOCKS_AGREE)


def _present(remote_id: str) -> Finding:
    return Finding(Proof.PRESENT, Done(remote_id, convert.url_of(remote_id) if remote_id else ""))
