"""The driver for Mastodon and servers that speak its API."""

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
    NotFound,
    Page,
    PostMetrics,
    ProfileInfo,
    Refused,
    Unknown,
)
from automation.channels.mastodon import CAPABILITIES, convert, media, reading, reconcile
from automation.channels.mastodon.client import BUDGET_SECONDS, Client, entity
from automation.channels.mastodon.convert import Json, id_of

NETWORK = "mastodon"


def connect(login: Login) -> Channel:
    """The driver for one account: ``login.server`` is the base address, ``login.secret`` holds the ``token``.

    Calls nothing yet; what is missing or wrong is told by the first call.
    """
    return MastodonChannel(login)


class MastodonChannel:
    """One account on one server. Acts go one by one: the server may ignore the idempotency key."""

    network = NETWORK
    capabilities = CAPABILITIES
    proves = False
    deadline = BUDGET_SECONDS + 1
    # A server may go on with a request whose caller left. Mastodon's own limit for one is 15 s, its replicas lag less.
    lag = 15.0

    def __init__(self, login: Login) -> None:
        self._client = Client(login)

    def close(self) -> None:
        """Nothing to give back: connections belong to the process and serve its other accounts."""

    # --- Reading ---------------------------------------------------------------------------------------------------

    def verify(self) -> AccountInfo:
        """Who the token belongs to."""
        client = self._begin()
        me = entity(client.read(client.api.account_verify_credentials))
        instance = client.instance
        profile = convert.profile_of(me, instance.domain)
        return AccountInfo(profile.handle, profile.remote_id, profile.display_name, instance.longest_post)

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One profile with its recent public posts, replies and boosts left out."""
        return reading.profile(self._begin(), handle, remote_id)

    def search(self, query: str, cursor: str = "") -> Page:
        """Accounts by words, or with ``#tag`` the authors of recent posts under it. Servers may find nothing."""
        client = self._begin()
        if query.lstrip().startswith("#"):
            return reading.authors(client, query.strip().lstrip("#"), cursor)
        return reading.accounts(client, query, cursor)

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """Followers, newest first, as far as the server knows and shows them."""
        return reading.followers(self._begin(), handle, remote_id, cursor)

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who replied to the profile's recent posts, a few posts a page."""
        return reading.commenters(self._begin(), handle, remote_id, cursor, over)

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """Figures of posts in the order asked for."""
        return reading.metrics(self._begin(), remote_ids)

    def inbox(self, since: str) -> InboxPage:
        """Mentions after the notification ``since``, oldest first; an empty ``since`` begins at the very first."""
        return reading.inbox(self._begin(), since)

    # --- Acting ----------------------------------------------------------------------------------------------------

    def publish(self, act: Act) -> Done:
        """Post text, link and pictures behind their warning; by default as visible as the account's own posts."""
        client = self._begin()
        return self._post(
            client,
            act,
            reconcile.composed(act),
            visibility=act.visibility or None,
            spoiler_text=act.content_warning or None,
            media_ids=media.upload(client, act.images) or None,
        )

    def reply(self, act: Act) -> Done:
        """Answer ``post_id``, mentioning its author, no more publicly than it was asked."""
        client = self._begin()
        parent = entity(client.read(client.api.status, act.post_id))
        author = parent.get("account") or {}
        if act.handle and not client.same(author, act.handle):
            raise NotFound(f"The post {act.post_id} on this server is not by @{act.handle.lstrip('@')}.")
        visibility = parent.get("visibility")
        return self._post(
            client,
            act,
            reconcile.addressed(act, author.get("acct") or ""),
            in_reply_to_id=act.post_id,
            visibility=None if visibility == "public" else visibility,
        )

    def message(self, act: Act) -> Done:
        """A status only ``handle`` can see; with ``post_id`` in the thread of that status."""
        client = self._begin()
        target = client.find(act.handle, act.remote_id)
        status = self._send(
            client,
            act,
            reconcile.addressed(act, target.get("acct") or ""),
            in_reply_to_id=act.post_id or None,
            visibility="direct",
        )
        if not reconcile.reaches(status, id_of(target)):
            self._take_back(client, status)
            raise Refused(f"The server did not accept @{act.handle.lstrip('@')} as a recipient.")
        return _done(status)

    def follow(self, act: Act) -> Done:
        """Follow, or ask to: locked profiles answer "requested", which is as much as we can do."""
        client = self._begin()
        target = client.find(act.handle, act.remote_id)
        answer = client.act(client.api.account_follow, id_of(target))
        following = reconcile.follows(answer)
        if following is None:
            raise Unknown("The server's answer does not say whether we follow now.")
        if not following:
            raise Refused("The server did not take the follow: the profile may have blocked us.")
        return _done(target)

    def unfollow(self, act: Act) -> Done:
        """Stop following, or take back the request."""
        client = self._begin()
        target = client.find(act.handle, act.remote_id)
        answer = client.act(client.api.account_unfollow, id_of(target))
        if reconcile.follows(answer) is not False:
            raise Unknown("The server's answer does not say that we no longer follow.")
        return _done(target)

    def like(self, act: Act) -> Done:
        """Favourite ``post_id``; with a ``handle`` only if the post is by them."""
        client = self._begin()
        if act.handle:
            status = entity(client.read(client.api.status, act.post_id))
            if not client.same(status.get("account") or {}, act.handle):
                raise NotFound(f"The post {act.post_id} on this server is not by @{act.handle.lstrip('@')}.")
        answer = client.act(client.api.status_favourite, act.post_id)
        if not isinstance(answer, dict) or id_of(answer) != act.post_id or answer.get("favourited") is False:
            raise Unknown("The server's answer does not say that the post is liked now.")
        return _done(answer)

    def reconcile(self, act: Act) -> Finding:
        """Whether ``act`` took place, as far as our own server's store can tell."""
        return reconcile.find(self._begin(), act)

    def _begin(self) -> Client:
        self._client.begin()
        return self._client

    def _post(self, client: Client, act: Act, text: str, **options: Any) -> Done:
        return _done(self._send(client, act, text, **options))

    def _send(self, client: Client, act: Act, text: str, **options: Any) -> Json:
        status = client.act(client.api.status_post, text, idempotency_key=str(act.send_id), **options)
        if not isinstance(status, dict) or not id_of(status):
            raise Unknown("The server's answer does not name the new post.")
        return status

    def _take_back(self, client: Client, status: Json) -> None:
        """Delete a direct status nobody can see: left standing, it would look like a message sent."""
        try:
            client.act(client.api.status_delete, id_of(status))
        except NotFound:
            return


def _done(entity_: Json) -> Done:
    return Done(remote_id=id_of(entity_), url=entity_.get("url") or entity_.get("uri") or "")
