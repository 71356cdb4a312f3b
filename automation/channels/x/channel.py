"""The driver for X."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    Unknown,
)
from automation.channels.x import CAPABILITIES, convert, media, reading, reconcile
from automation.channels.x.client import BUDGET_SECONDS, Client, entity
from automation.channels.x.convert import Json, id_of

NETWORK = "x"


def connect(login: Login) -> Channel:
    """The driver for one account: ``login.secret`` holds ``access_token`` and, to renew it, what ``oauth`` added.

    Calls nothing yet; what is missing or wrong is told by the first call.
    """
    return XChannel(login)


class XChannel:
    """One account. Acts go one by one: X knows no idempotency keys, and absence of a post cannot be proved."""

    network = NETWORK
    capabilities = CAPABILITIES
    proves = False
    deadline = BUDGET_SECONDS + 1
    lag = 30.0  # until a new post shows in its author's list

    def __init__(self, login: Login) -> None:
        self._client = Client(login)

    def close(self) -> None:
        """Nothing to give back: connections belong to the process and serve its other accounts."""

    # --- Reading -----------------------------------------------------------------------------------------------------
    def verify(self) -> AccountInfo:
        """Who the token belongs to."""
        client = self._begin()
        me = entity(client.read(client.api.get_me, user_fields=convert.USER_FIELDS, user_auth=False))
        return AccountInfo(str(me.get("username") or ""), id_of(me), str(me.get("name") or ""))

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One profile with its recent posts, replies and reposts left out."""
        return reading.profile(self._begin(), handle, remote_id)

    def search(self, query: str, cursor: str = "") -> Page:
        """Authors of posts of the last seven days that match; reposts and our own are left out."""
        client = self._begin()
        return reading.authors(client, f"{query.strip()} -is:retweet", cursor, without=client.own_id)

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """Followers, newest first."""
        return reading.followers(self._begin(), handle, remote_id, cursor)

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who replied to the profile in the last seven days."""
        return reading.commenters(self._begin(), handle, remote_id, cursor, over)

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """Figures of posts in the order asked for."""
        return reading.metrics(self._begin(), remote_ids)

    def inbox(self, since: str) -> InboxPage:
        """Mentions and direct messages after ``since``; a backlog of several pages comes page by page, latest page first."""
        return reading.inbox(self._begin(), since)

    # --- Acting ------------------------------------------------------------------------------------------------------
    def publish(self, act: Act) -> Done:
        """Post ``text``, ``link`` and pictures."""
        return self._post(act)

    def reply(self, act: Act) -> Done:
        """Answer ``post_id``; X itself names whom it answers."""
        return self._post(act, in_reply_to_tweet_id=act.post_id)

    def message(self, act: Act) -> Done:
        """A direct message to one person."""
        client = self._begin()
        target = client.target(act.handle, act.remote_id)
        answer = client.act(
            client.api.create_direct_message,
            participant_id=target,
            text=reconcile.composed(act),
            user_auth=False,
        )
        sent = _data(answer).get("dm_event_id")
        if not isinstance(sent, str) or not sent:
            raise Unknown("X's answer does not name the new message.")
        return Done(sent)

    def follow(self, act: Act) -> Done:
        """Follow, or ask to: protected profiles answer with a pending follow, which is as much as we can do."""
        client = self._begin()
        target = client.target(act.handle, act.remote_id)
        data = _data(client.act(client.as_us().follow_user, target, user_auth=False))
        if not isinstance(data.get("following"), bool):
            raise Unknown("X's answer does not say whether we follow now.")
        if not (data["following"] or data.get("pending_follow")):
            raise Refused("X did not take the follow: the profile may have blocked us.")
        return Done(target)

    def unfollow(self, act: Act) -> Done:
        """Stop following."""
        client = self._begin()
        target = client.target(act.handle, act.remote_id)
        if (
            _data(client.act(client.as_us().unfollow_user, target, user_auth=False)).get("following")
            is not False
        ):
            raise Unknown("X's answer does not say that we no longer follow.")
        return Done(target)

    def like(self, act: Act) -> Done:
        """Like ``post_id``."""
        client = self._begin()
        if _data(client.act(client.as_us().like, act.post_id, user_auth=False)).get("liked") is not True:
            raise Unknown("X's answer does not say that the post is liked now.")
        return Done(act.post_id, convert.url_of(act.post_id))

    def reconcile(self, act: Act) -> Finding:
        """Whether ``act`` took place, as far as X shows it."""
        return reconcile.find(self._begin(), act)

    def _begin(self) -> Client:
        self._client.begin()
        return self._client

    def _post(self, act: Act, **options: Any) -> Done:
        client = self._begin()
        if act.images:
            options["media_ids"] = media.upload(client, act.images)
        data = _data(
            client.act(client.api.create_tweet, text=reconcile.composed(act), user_auth=False, **options)
        )
        if not id_of(data):
            raise Unknown("X's answer does not name the new post.")
        return Done(id_of(data), convert.url_of(id_of(data)))


def _data(answer: Json) -> Json:
    """The ``data`` of an act's answer; without it nobody knows what became of the act."""
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Unknown("X's answer is not what it documents; whether it acted is unclear.")
    return data
