"""Whether an act took place, asked of the account server that holds our own records: it always knows.

What we write has a key that follows from the act (:mod:`automation.channels.bluesky.keys`). Follows and likes that
somebody else made for this account have other keys; the index names those, and the account server confirms them.
"""

from __future__ import annotations

from automation.channels.base import Act, Done, Finding, NotFound, Proof
from automation.channels.bluesky import keys, reading, records
from automation.channels.bluesky.client import Client
from automation.channels.bluesky.convert import POST, entries, entry, word

ABSENT = Finding(Proof.ABSENT)
NO_PROOF = Finding(Proof.NONE)


def find(client: Client, act: Act) -> Finding:
    """The proof for one act; every kind this channel can do."""
    match act.kind:
        case "post" | "reply":
            return _written(client, act)
        case "follow" | "unfollow":
            return _relation(client, act)
        case "like":
            uri = like_of(client, act.post_id)
            return _present(records.done(client, uri)) if uri else ABSENT
    return NO_PROOF


def _written(client: Client, act: Act) -> Finding:
    uri = records.uri_of(client.did, POST, keys.of_send(act.send_id))
    return _present(records.done(client, uri)) if records.exists(client, uri) else ABSENT


def _relation(client: Client, act: Act) -> Finding:
    try:
        did = client.did_of(act.handle, act.remote_id)
    except NotFound:
        return ABSENT  # nobody to follow is left; trying again says so
    following = follow_of(client, did)
    if bool(following) != (act.kind == "follow"):
        return ABSENT
    return _present(Done(did))


def follow_of(client: Client, did: str) -> str:
    """The address of our record of following somebody; empty when we do not."""
    ours = records.uri_of(client.did, records.FOLLOW, keys.of_subject("follow", did))
    if records.exists(client, ours):
        return ours
    try:
        other = word(entry(reading.account(client, "", did), "viewer"), "following")
    except NotFound:
        return ""
    return other if other not in ("", ours) and records.exists(client, other) else ""


def like_of(client: Client, post: str) -> str:
    """The address of our record of liking a post; empty when we do not."""
    ours = records.uri_of(client.did, records.LIKE, keys.of_subject("like", post))
    if records.exists(client, ours):
        return ours
    found = entries(client.read("app.bsky.feed.getPosts", uris=[post]), "posts")
    other = word(entry(found[0], "viewer"), "like") if found else ""
    return other if other not in ("", ours) and records.exists(client, other) else ""


def _present(done: Done) -> Finding:
    return Finding(Proof.PRESENT, done)
