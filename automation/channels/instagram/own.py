"""Reading back what we wrote. Found proves it; not found proves nothing, since these lists are not promised to be whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from automation.channels.base import Act, Done, Finding, NotFound, Proof
from automation.channels.instagram.client import Client, Json, edge, id_of, rows
from automation.channels.line import moment

CLOCKS_AGREE = 1.0  # seconds something may seem to come before the act that made it
NO_PROOF = Finding(Proof.NONE)
RECENT = 50


def find(client: Client, act: Act) -> Finding:
    """The proof for a reply or a message."""
    match act.kind:
        case "reply":
            return _replied(client, act)
        case "dm":
            return _messaged(client, act)
    return NO_PROOF


def worded(act: Act) -> str:
    """The text as people read it: a post's link is its picture, elsewhere it stands at the end."""
    if act.kind == "post" or not act.link or act.link in act.text:
        return act.text
    return f"{act.text}\n\n{act.link}".strip()


def posted(client: Client, act: Act) -> Finding:
    """A post of ours with the same caption, made after the act began."""
    answer = client.get("/me/media", fields="id,caption,timestamp,permalink", limit=RECENT)
    return _first(client, act, rows(answer), "caption", "timestamp")


def _replied(client: Client, act: Act) -> Finding:
    me = client.get("/me", fields="username")
    answer = client.get(f"/{act.post_id}/replies", fields="id,text,timestamp,username", limit=RECENT)
    mine = [row for row in rows(answer) if row.get("username") == me.get("username")]
    return _first(client, act, mine, "text", "timestamp")


def _messaged(client: Client, act: Act) -> Finding:
    try:
        target = recipient(client, act.handle, act.remote_id)
    except NotFound:
        return NO_PROOF
    answer = client.get(
        "/me/conversations",
        platform="instagram",
        user_id=target,
        fields="messages{id,created_time,from,message}",
    )
    messages = [row for conversation in rows(answer) for row in edge(conversation, "messages")]
    mine = [row for row in messages if id_of(row.get("from")) != target]
    return _first(client, act, mine, "message", "created_time")


def recipient(client: Client, handle: str, remote_id: str) -> str:
    """The id messages go to: Instagram's own for somebody who wrote to this account; :class:`NotFound` for all others."""
    if remote_id:
        return remote_id
    name = handle.strip().lstrip("@").casefold()
    answer = client.get("/me/conversations", platform="instagram", fields="participants", limit=RECENT)
    for conversation in rows(answer):
        for one in edge(conversation, "participants"):
            if name and str(one.get("username") or "").casefold() == name:
                return id_of(one)
    raise NotFound(
        f"@{name} has not written to this account: Instagram lets us write only to people who wrote first."
    )


def _first(client: Client, act: Act, found: Iterable[Json], text: str, stamp: str) -> Finding:
    if act.started_at is None:
        return NO_PROOF
    since, wanted = _since(client, act.started_at), _plain(worded(act))
    same = [row for row in found if _plain(str(row.get(text) or "")) == wanted and at(row, stamp) >= since]
    if not same:
        return NO_PROOF
    first = min(same, key=lambda row: at(row, stamp))
    return Finding(Proof.PRESENT, Done(id_of(first), str(first.get("permalink") or "")))


def at(row: Json, stamp: str) -> datetime:
    """When it was made, at the latest: Instagram cuts its times to the second. What does not tell is older than all."""
    found = moment(str(row.get(stamp) or ""))
    return datetime.min.replace(tzinfo=UTC) if found is None else found + timedelta(seconds=1)


def _since(client: Client, started_at: datetime) -> datetime:
    skew, doubt = client.line.skew, client.line.doubt
    # Within what a whole-second header can tell, clocks are taken to agree.
    if skew is None or abs(skew) <= doubt + 1:
        return started_at - timedelta(seconds=CLOCKS_AGREE)
    return started_at + timedelta(seconds=skew - doubt - CLOCKS_AGREE)


def _plain(text: str) -> str:
    return "".join(text.split())
