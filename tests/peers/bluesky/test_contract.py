"""The driver against Bluesky's own software: what every channel must do."""

from __future__ import annotations

import pytest

from automation.channels.bluesky.channel import BlueskyChannel, connect
from tests.channels.contract import ChannelContract, Pair
from tests.peers.bluesky.conftest import login
from tests.peers.bluesky.server import Network, Person

pytestmark = [pytest.mark.bluesky, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def signed_in(network: Network, ada: Person, grace: Person) -> tuple[BlueskyChannel, BlueskyChannel]:
    """Once for all checks: the network counts sign-ins."""
    return BlueskyChannel(login(network, ada)), BlueskyChannel(login(network, grace))


class TestContract(ChannelContract):
    @pytest.fixture
    def pair(
        self, network: Network, ada: Person, grace: Person, signed_in: tuple[BlueskyChannel, BlueskyChannel]
    ) -> Pair:
        return Pair(
            connect=connect,
            login=login(network, ada),
            our_handle=ada.handle,
            ours=signed_in[0],
            their_handle=grace.handle,
            theirs=signed_in[1],
            query="grace",
            unknown="nobody-of-that-name.test",
            patience=20,
        )
