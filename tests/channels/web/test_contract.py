"""The web channel against the practice network's pages, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.web.channel import connect
from tests.channels.contract import ChannelContract, Pair
from tests.channels.web.conftest import login_of


class TestContract(ChannelContract):
    @pytest.fixture
    def pair(self, control: Control, fresh_account: Callable[[], OwnAccount]) -> Iterator[Pair]:
        us, them = fresh_account(), fresh_account()
        ours, theirs = connect(login_of(us, control)), connect(login_of(them, control))
        yield Pair(connect, login_of(us, control), us.handle, ours, them.handle, theirs, query=them.handle)
        ours.close()
        theirs.close()
