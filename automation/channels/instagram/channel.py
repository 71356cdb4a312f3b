"""The driver for Instagram's professional accounts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from automation.channels.base import (
    AccountInfo,
    Act,
    Channel,
    Done,
    Finding,
    InboxPage,
    Login,
    Page,
    PostMetrics,
    ProfileInfo,
    Refused,
    TryLater,
    Unknown,
)
from automation.channels.instagram import CAPABILITIES, NETWORK, own, publishing, reading
from automation.channels.instagram.client import BUDGET_SECONDS, Client, id_of

LONGEST_MESSAGE = 1_000  # bytes


def connect(login: Login) -> Channel:
    """The driver for one account: ``login.secret`` holds ``access_token`` and perhaps ``facebook_token``.

    Calls nothing yet; what is missing or wrong is told by the first call.
    """
    return InstagramChannel(login)


class InstagramChannel:
    """One account. Acts go one by one: Instagram knows no idempotency keys."""

    network = NETWORK.name
    capabilities = CAPABILITIES
    proves = False
    deadline = BUDGET_SECONDS + 1
    lag = 60.0  # until a container knows that it was published

    def __init__(self, login: Login) -> None:
        self._client = Client(login)

    def close(self) -> None:
        """Nothing to give back: connections belong to the process and serve its other accounts."""

    # --- Reading -----------------------------------------------------------------------------------------------------
    def verify(self) -> AccountInfo:
        """Who the token belongs to."""
        me = self._begin().get("/me", fields="user_id,username,name")
        number, handle = str(me.get("user_id") or ""), str(me.get("username") or "")
        if not number or not handle:
            raise TryLater("Instagram's answer does not say whose token this is.")
        return AccountInfo(handle, number, str(me.get("name") or ""))

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One professional profile with its latest posts."""
        return reading.profile(self._begin(), handle)

    def search(self, query: str, cursor: str = "") -> Page:
        """Closed, see ``NETWORK.closed``."""
        raise _closed("fetch_search")

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """Closed, see ``NETWORK.closed``."""
        raise _closed("fetch_related")

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who commented on the account's own posts."""
        return reading.commenters(self._begin(), handle, cursor, over)

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """Figures of the account's own posts in the order asked for."""
        return reading.metrics(self._begin(), remote_ids)

    def inbox(self, since: str) -> InboxPage:
        """Comments on the latest posts, and messages, after ``since``."""
        return reading.inbox(self._begin(), since)

    # --- Acting ------------------------------------------------------------------------------------------------------
    def publish(self, act: Act) -> Done:
        """A picture from the public address ``link``, with ``text`` below it."""
        return publishing.publish(self._begin(), act)

    def reply(self, act: Act) -> Done:
        """Answer the comment ``post_id`` on one of our posts."""
        answer = self._begin().post(f"/{_node(act.post_id)}/replies", message=own.worded(act))
        if not id_of(answer):
            raise Unknown("Instagram's answer does not name the new comment.")
        return Done(id_of(answer))

    def message(self, act: Act) -> Done:
        """A message to somebody who wrote to us in the last 24 hours; ``link`` goes along in its text.

        With ``post_id`` to whoever wrote that comment on a post of ours: one a comment, within 7 days ("private replies").
        """
        text = own.worded(act)
        if len(text.encode()) > LONGEST_MESSAGE:
            raise Refused(
                f"Instagram takes messages of {LONGEST_MESSAGE} bytes; this one has {len(text.encode())}."
            )
        client = self._begin()
        target = (
            {"comment_id": _node(act.post_id)}
            if act.post_id
            else {"id": own.recipient(client, act.handle, act.remote_id)}
        )
        answer = client.post("/me/messages", recipient=json.dumps(target), message=json.dumps({"text": text}))
        sent = answer.get("message_id")
        if not isinstance(sent, str) or not sent:
            raise Unknown("Instagram's answer does not name the new message.")
        return Done(sent)

    def follow(self, act: Act) -> Done:
        """Closed, see ``NETWORK.closed``."""
        raise _closed("follow")

    def unfollow(self, act: Act) -> Done:
        """Closed, see ``NETWORK.closed``."""
        raise _closed("unfollow")

    def like(self, act: Act) -> Done:
        """Closed, see ``NETWORK.closed``."""
        raise _closed("like")

    def reconcile(self, act: Act) -> Finding:
        """Whether ``act`` took place, as far as Instagram shows it."""
        client = self._begin()
        return publishing.find(client, act) if act.kind == "post" else own.find(client, act)

    def _begin(self) -> Client:
        self._client.begin()
        return self._client


def _closed(kind: str) -> Refused:
    return Refused(NETWORK.closed[kind])


def _node(number: str) -> str:
    """An id as part of a path; ids are numbers."""
    if not number.isdecimal():
        raise Refused("The comment to answer is not one of Instagram's.")
    return number
