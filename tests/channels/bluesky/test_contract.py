"""The driver against answers in the protocol's shapes: what every channel must do, wherever CI runs."""

from __future__ import annotations

import pytest

from automation.channels.bluesky.channel import BlueskyChannel, connect
from tests.channels.bluesky.conftest import login
from tests.channels.bluesky.pds import Pds
from tests.channels.contract import ChannelContract, Pair


class TestContract(ChannelContract):
    @pytest.fixture
    def pair(self, pds: Pds) -> Pair:
        ours, theirs = login(pds, "ada"), login(pds, "grace")
        return Pair(
            connect=connect, login=ours, our_handle=ours.handle, ours=BlueskyChannel(ours),
            their_handle=theirs.handle, theirs=BlueskyChannel(theirs), query="grace", unknown="nobody.test",
        )  # fmt: skip
