"""The driver for Bluesky."""

from __future__ import annotations

from collections.abc import Sequence

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
)
from automation.channels.bluesky import CAPABILITIES, NETWORK, inbox, keys, reading, reconcile, records
from automation.channels.bluesky.client import BUDGET_SECONDS, Client, Json
from automation.channels.bluesky.convert import POST, entry, word


def connect(login: Login) -> Channel:
    """The driver for one account: ``login.secret`` holds the ``app_password`` and, once signed in, the ``session``.

    Calls nothing yet; what is missing or wrong is told by the first call.
    """
    return BlueskyChannel(login)


class BlueskyChannel:
    """One account. Every act is a record under a key known beforehand, so all of them can be proved."""

    network = NETWORK.name
    capabilities = CAPABILITIES
    proves = True
    deadline = BUDGET_SECONDS + 1
    # An account server may go on with a request whose caller left; its store is one database, which does not lag.
    lag = 15.0

    def __init__(self, login: Login) -> None:
        self._client = Client(login, NETWORK.address)

    def close(self) -> None:
        """Nothing to give back: connections belong to the process and serve its other accounts."""

    # --- Reading ---------------------------------------------------------------------------------------------------

    def verify(self) -> AccountInfo:
        """Who the app password belongs to."""
        return AccountInfo(*reading.own_name(self._begin()))

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One profile with its recent posts, replies and reposts left out."""
        return reading.profile(self._begin(), handle, remote_id)

    def search(self, query: str, cursor: str = "") -> Page:
        """Accounts by words, or with ``#tag`` the authors of recent posts under it."""
        client = self._begin()
        if query.lstrip().startswith("#"):
            return reading.authors(client, query, cursor)
        return reading.accounts(client, query, cursor)

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """Followers, newest first."""
        return reading.followers(self._begin(), handle, remote_id, cursor)

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who replied to the profile's recent posts, a few posts a page."""
        return reading.commenters(self._begin(), handle, remote_id, cursor, over)

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """Figures of posts in the order asked for."""
        return reading.metrics(self._begin(), remote_ids)

    def inbox(self, since: str) -> InboxPage:
        """Mentions, replies and quotes after ``since``, oldest first; an empty ``since`` begins at the very first."""
        return inbox.read(self._begin(), since)

    # --- Acting ----------------------------------------------------------------------------------------------------

    def publish(self, act: Act) -> Done:
        """Post text, link and pictures."""
        client = self._begin()
        return records.create(client, POST, keys.of_send(act.send_id), records.post(client, act))

    def reply(self, act: Act) -> Done:
        """Answer ``post_id``; with a ``handle`` only if the post is by them."""
        client = self._begin()
        below = records.reply_to(self._target(client, act))
        record = records.post(client, act, reply=below)
        return records.create(client, POST, keys.of_send(act.send_id), record)

    def message(self, act: Act) -> Done:
        """Not possible here."""
        raise Refused(NETWORK.closed["dm"])

    def follow(self, act: Act) -> Done:
        """Follow; of somebody we follow already, nothing is written."""
        client = self._begin()
        target = reading.account(client, act.handle, act.remote_id)
        did = word(target, "did")
        if entry(target, "viewer").get("blockedBy"):
            raise Refused(f"@{word(target, 'handle')} has blocked us.")
        if not reconcile.follow_of(client, did):
            records.create(client, records.FOLLOW, keys.of_subject("follow", did), records.follow(did))
        return Done(did)

    def unfollow(self, act: Act) -> Done:
        """Stop following, whoever made the follow."""
        client = self._begin()
        did = client.did_of(act.handle, act.remote_id)
        for _ in range(2):  # ours, and one made elsewhere
            following = reconcile.follow_of(client, did)
            if not following:
                break
            records.delete(client, following)
        return Done(did)

    def like(self, act: Act) -> Done:
        """Like ``post_id``; with a ``handle`` only if the post is by them."""
        client = self._begin()
        target = self._target(client, act)
        liked = reconcile.like_of(client, act.post_id)
        if liked:
            return records.done(client, liked)
        key = keys.of_subject("like", act.post_id)
        return records.create(client, records.LIKE, key, records.like(target))

    def reconcile(self, act: Act) -> Finding:
        """Whether ``act`` took place; always known."""
        return reconcile.find(self._begin(), act)

    def _begin(self) -> Client:
        self._client.begin()
        return self._client

    def _target(self, client: Client, act: Act) -> Json:
        """The post an act is upon, as its own server holds it."""
        author, collection, _ = records.parts_of(act.post_id)
        if collection != POST or (act.handle and client.did_of(act.handle, act.remote_id) != author):
            raise NotFound(f"The post {act.post_id} is not by @{act.handle.lstrip('@')}.")
        return records.find(client, act.post_id)
