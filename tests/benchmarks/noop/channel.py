"""The driver that does nothing. Its account's secret says whether it proves its acts, so whether they go in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

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
    Proof,
)
from tests.benchmarks.noop import NETWORK


def connect(login: Login) -> Channel:
    """The driver for one account; ``{"proves": false}`` in its secret makes it one that goes one by one."""
    return NoopChannel(proves=bool(login.secret.get("proves", True)))


class NoopChannel:
    """Every act is done at once and leaves nothing; every question has an empty answer."""

    network = NETWORK.name
    capabilities = NETWORK.capabilities
    deadline = 10.0
    lag = 0.0

    def __init__(self, *, proves: bool) -> None:
        self.proves = proves

    def verify(self) -> AccountInfo:
        return AccountInfo(handle="", remote_id="")

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        return ProfileInfo(handle=handle, remote_id=remote_id)

    def search(self, query: str, cursor: str = "") -> Page:
        return Page(())

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        return Page(())

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        return Page(())

    def publish(self, act: Act) -> Done:
        return _done(act)

    def reply(self, act: Act) -> Done:
        return _done(act)

    def message(self, act: Act) -> Done:
        return _done(act)

    def follow(self, act: Act) -> Done:
        return _done(act)

    def unfollow(self, act: Act) -> Done:
        return _done(act)

    def like(self, act: Act) -> Done:
        return _done(act)

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        return [PostMetrics(remote_id) for remote_id in remote_ids]

    def inbox(self, since: str) -> InboxPage:
        return InboxPage((), cursor=datetime.now(UTC).isoformat())

    def reconcile(self, act: Act) -> Finding:
        return Finding(Proof.ABSENT)

    def close(self) -> None:
        """Nothing was opened."""


def _done(act: Act) -> Done:
    """As a real network answers: with an id to find the act again, which the engine then records."""
    return Done(remote_id=str(act.send_id))
