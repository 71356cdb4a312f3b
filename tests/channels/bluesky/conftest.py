"""A loopback account server and two accounts on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automation.channels.base import Login
from automation.channels.bluesky.channel import BlueskyChannel
from tests.channels.bluesky.pds import Pds


@pytest.fixture
def pds() -> Iterator[Pds]:
    server = Pds()
    yield server
    server.close()


def login(pds: Pds, name: str) -> Login:
    """An account of that name, new to the server."""
    handle, password = pds.join(name)
    return Login(account_id=1, handle=handle, server=pds.url, secret={"app_password": password})


@pytest.fixture
def ada(pds: Pds) -> BlueskyChannel:
    return BlueskyChannel(login(pds, "ada"))


@pytest.fixture
def grace(pds: Pds) -> BlueskyChannel:
    return BlueskyChannel(login(pds, "grace"))
