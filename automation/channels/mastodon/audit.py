"""What a server shows of one account, read through its API: for comparing our books with the network.

Independent of the driver's acts and of the task ledger: it asks the server who we follow and what we wrote, and nothing
of what we believe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automation.channels.base import Login
from automation.channels.mastodon.client import Client, entities, entity
from automation.channels.mastodon.convert import full_handle, id_of, text_of, when

PAGE = 40
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class SeenStatus:
    """One status of the account, with its text as readers see it; ``mentions`` are full handles."""

    remote_id: str
    text: str
    visibility: str
    in_reply_to_id: str
    mentions: tuple[str, ...]
    created_at: datetime | None

    @property
    def is_message(self) -> bool:
        """Whether only those mentioned can see it."""
        return self.visibility == "direct"


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An account the audited one follows."""

    handle: str
    remote_id: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the server shows of an account: whom it follows, what it wrote, what it liked (status ids)."""

    handle: str
    following: tuple[SeenAccount, ...]
    statuses: tuple[SeenStatus, ...]
    liked: tuple[str, ...]

    @property
    def messages(self) -> tuple[SeenStatus, ...]:
        """The direct ones among the statuses."""
        return tuple(status for status in self.statuses if status.is_message)


def look(server: str, token: str) -> Seen:
    """Read one account's state from ``server``; raises the channel errors. At most 2,000 entries of each list."""
    client = Client(Login(0, "", server, secret={"token": token}))
    client.begin()
    me = entity(client.read(client.api.account_verify_credentials))
    handle = full_handle(me.get("acct") or "", client.domain)
    following = _all(client, client.api.account_following, id_of(me))
    statuses = _all(client, client.api.account_statuses, id_of(me))
    liked = _all(client, client.api.favourites)
    return Seen(
        handle=handle,
        following=tuple(
            SeenAccount(full_handle(f.get("acct") or "", client.domain), id_of(f)) for f in following
        ),
        statuses=tuple(_status(client, status) for status in statuses),
        liked=tuple(id_of(status) for status in liked),
    )


def _all(client: Client, method: Callable[..., Any], *args: Any) -> list[Any]:
    found: list[Any] = []
    cursor: Any = None
    for _ in range(MAX_PAGES):
        client.begin()  # an audit may take its time: the limit is for each page
        page = client.read(method, *args, max_id=cursor, limit=PAGE)
        found += entities(page)
        following = client.api.get_pagination_info(page, "next")
        if not following or not page:
            break
        cursor = following["max_id"]
    return found


def _status(client: Client, status: Any) -> SeenStatus:
    parent = status.get("in_reply_to_id")
    mentions = status.get("mentions") or []
    return SeenStatus(
        remote_id=id_of(status),
        text=text_of(status.get("content")),
        visibility=status.get("visibility") or "",
        in_reply_to_id="" if parent is None else str(parent),
        mentions=tuple(full_handle(mention.get("acct") or "", client.domain) for mention in mentions),
        created_at=when(status.get("created_at")),
    )
