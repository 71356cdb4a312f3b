"""A channel that could not be opened: whatever is asked of it, the answer is why."""

from __future__ import annotations

from collections.abc import Sequence

from automation.channels import registry
from automation.channels.base import (
    AccountInfo,
    Act,
    ChannelError,
    Done,
    Finding,
    InboxPage,
    Page,
    PostMetrics,
    ProfileInfo,
)


class ClosedChannel:
    """Stands in for a network's driver whose login is no good, so that tasks end or wait with that reason."""

    proves = False  # nothing is started in batches
    deadline = 1.0
    lag = 0.0

    def __init__(self, network: str, error: ChannelError) -> None:
        self.network = network
        self.capabilities = registry.capabilities(network)
        self._error = error

    def verify(self) -> AccountInfo:
        raise self._error

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        raise self._error

    def search(self, query: str, cursor: str = "") -> Page:
        raise self._error

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        raise self._error

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        raise self._error

    def publish(self, act: Act) -> Done:
        raise self._error

    def reply(self, act: Act) -> Done:
        raise self._error

    def message(self, act: Act) -> Done:
        raise self._error

    def follow(self, act: Act) -> Done:
        raise self._error

    def unfollow(self, act: Act) -> Done:
        raise self._error

    def like(self, act: Act) -> Done:
        raise self._error

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        raise self._error

    def inbox(self, since: str) -> InboxPage:
        raise self._error

    def reconcile(self, act: Act) -> Finding:
        raise self._error

    def close(self) -> None:
        """Nothing was opened."""
