"""The network's JSON as the channel protocol's dataclasses; anything unexpected is a KeyError, TypeError or
ValueError.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automation.channels.base import (
    AccountInfo,
    Done,
    Finding,
    Inbound,
    InboxPage,
    Page,
    PostInfo,
    PostMetrics,
    ProfileInfo,
    Proof,
)


def account(body: dict[str, Any]) -> AccountInfo:
    """Who the network says we are."""
    return AccountInfo(handle=body["handle"], remote_id=body["id"], display_name=body["name"])


def profile(body: dict[str, Any]) -> ProfileInfo:
    """One profile, with its latest posts where the answer has them."""
    return ProfileInfo(
        handle=body["handle"],
        remote_id=body["id"],
        display_name=body["name"],
        bio=body["bio"],
        url=body["url"],
        language=body["language"],
        followers_count=body["followers"],
        following_count=body["following"],
        posts_count=body["posts_count"],
        posts=tuple(post(one) for one in body.get("posts", ())),
    )


def post(body: dict[str, Any]) -> PostInfo:
    """One post."""
    return PostInfo(
        remote_id=body["id"],
        text=body["text"],
        url=body["url"],
        created_at=datetime.fromisoformat(body["created_at"]),
        language=body["language"],
        replies=body["replies"],
        likes=body["likes"],
    )


def page(body: dict[str, Any]) -> Page:
    """One page of profiles."""
    return Page(tuple(profile(one) for one in body["profiles"]), body["cursor"])


def metrics(body: dict[str, Any]) -> list[PostMetrics]:
    """The figures of posts."""
    return [
        PostMetrics(one["id"], gone=True)
        if one["gone"]
        else PostMetrics(one["id"], one["likes"], one["reposts"], one["replies"], one["views"])
        for one in body["posts"]
    ]


def inbox(body: dict[str, Any]) -> InboxPage:
    """New messages."""
    return InboxPage(tuple(inbound(one) for one in body["messages"]), body["cursor"], body["more"])


def inbound(body: dict[str, Any]) -> Inbound:
    """One message or comment."""
    sender = body["sender"]
    return Inbound(
        remote_id=body["id"],
        kind=body["kind"],
        handle=sender["handle"],
        text=body["text"],
        sent_at=datetime.fromisoformat(body["sent_at"]),
        sender_id=sender["id"],
        sender_name=sender["name"],
        post_id=body["post_id"],
        automatic=body["automatic"],
    )


def done(body: dict[str, Any]) -> Done:
    """The receipt of an act."""
    if not body["id"] or not isinstance(body["id"], str):
        raise ValueError("an act without an id")
    return Done(remote_id=body["id"], url=body["url"])


def finding(body: dict[str, Any]) -> Finding:
    """What the network knows about a send id."""
    acts = body["acts"]
    if not isinstance(acts, list):
        raise ValueError("acts are a list")
    return Finding(Proof.PRESENT, done(acts[0])) if acts else Finding(Proof.ABSENT)
