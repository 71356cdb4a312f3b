"""What was read from pages, as the channel protocol's dataclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from automation.channels.base import (
    Inbound,
    InboxPage,
    NotFound,
    Page,
    PostInfo,
    PostMetrics,
    ProfileInfo,
    TryLater,
)
from automation.channels.web.site import Site
from automation.channels.web.values import link, moment, number

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A cursor of the inbox: the newest item known, and where reading back to ``until`` goes on if it was cut short."""

    mark: str = ""
    resume: str = ""
    until: str = ""

    @classmethod
    def read(cls, cursor: str) -> Bookmark:
        """A cursor as it was written; anything else begins anew."""
        try:
            found = json.loads(cursor or "{}")
            return cls(**{name: str(found[name]) for name in ("mark", "resume", "until") if name in found})
        except (ValueError, TypeError):
            return cls()

    def write(self) -> str:
        """As a cursor."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @property
    def stop(self) -> str:
        """The item that is known already."""
        return self.until if self.resume else self.mark


def profile(body: Json, site: Site) -> ProfileInfo:
    """A profile's page; :class:`NotFound` for one that names nobody."""
    values = body["values"]
    if not values["handle"] or not values["id"]:
        raise NotFound(f"{site.title} shows no profile there.")
    listing = site.reads["profile"].list
    posts = [post(item, body["url"], site) for item in body["items"] if item["id"]] if listing else []
    return ProfileInfo(
        handle=values["handle"].lstrip("@"),
        remote_id=values["id"],
        display_name=values.get("name", ""),
        bio=values.get("bio", ""),
        url=body["url"],
        language=values.get("language", ""),
        followers_count=number(values.get("followers", "")),
        following_count=number(values.get("following", "")),
        posts_count=number(values.get("posts", "")),
        posts=tuple(posts),
    )


def post(item: Json, page: str, site: Site) -> PostInfo:
    """One post on a profile's page."""
    listing = site.reads["profile"].list
    at = listing.take.get("at") if listing else None
    return PostInfo(
        remote_id=item["id"],
        text=item["text"],
        url=link(page, item.get("url", "")),
        created_at=moment(item["at"], at) if at else None,
        language=item.get("language", ""),
        replies=number(item.get("replies", "")) or 0,
        likes=number(item.get("likes", "")),
    )


def people(body: Json) -> Page:
    """A list of people; those without a handle are no people."""
    found = [
        ProfileInfo(
            handle=item["handle"].lstrip("@"),
            remote_id=item.get("id", ""),
            display_name=item.get("name", ""),
            bio=item.get("bio", ""),
        )
        for item in body["items"]
        if item["handle"]
    ]
    return Page(tuple(found), body["next"])


def metrics(post_id: str, values: Json | None) -> PostMetrics:
    """One post's figures."""
    if values is None:
        return PostMetrics(post_id, gone=True)
    figures = {name: number(values.get(name, "")) for name in ("likes", "reposts", "replies", "views")}
    return PostMetrics(
        post_id, figures["likes"] or 0, figures["reposts"] or 0, figures["replies"] or 0, figures["views"]
    )


def inbox(body: Json, before: Bookmark, site: Site) -> InboxPage:
    """Messages newer than a bookmark, oldest first, and the bookmark to go on from."""
    fresh: list[Json] = []
    for item in body["items"]:
        if before.stop and item["id"] == before.stop:
            break
        fresh.append(item)
    reached = len(fresh) < len(body["items"]) or not body["next"]
    newest = fresh[0]["id"] if fresh and not before.resume else before.mark
    after = Bookmark(newest) if reached else Bookmark(newest, body["next"], before.stop)
    messages = [inbound(item, site) for item in reversed(fresh) if item["id"] and item["kind"]]
    return InboxPage(tuple(messages), after.write(), more=not reached)


def inbound(item: Json, site: Site) -> Inbound:
    """One message; a time that cannot be read is the site file's fault, and nothing is lost by saying so."""
    listing = site.reads["inbox"].list
    at = moment(item["at"], listing.take["at"]) if listing else None
    if at is None:
        raise TryLater(
            f'{site.title} writes a time as "{item["at"][:40]}", which its site file does not explain.'
        )
    return Inbound(
        remote_id=item["id"],
        kind=item["kind"],
        handle=item["handle"].lstrip("@"),
        text=item["text"],
        sent_at=at,
        sender_id=item.get("sender_id", ""),
        sender_name=item.get("name", ""),
        post_id=item.get("post_id", ""),
        automatic=bool(item.get("automatic")),
    )
