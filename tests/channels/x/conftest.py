"""A server that answers as X's documentation says, and two accounts on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automation.channels.base import Login
from automation.channels.x import client
from automation.channels.x.channel import XChannel
from tests.channels.x.server import XServer


@pytest.fixture
def server() -> Iterator[XServer]:
    found = XServer()
    yield found
    found.stop()
    client._ids.clear()


def login(server: XServer, name: str, **secret: object) -> Login:
    handle = {"ada": "ada", "grace": "grace_h"}[name]
    return Login(
        account_id=1, handle=handle, server=server.url, secret={"access_token": f"{name}-token", **secret}
    )


@pytest.fixture
def ada(server: XServer) -> XChannel:
    return XChannel(login(server, "ada"))


@pytest.fixture
def grace(server: XServer) -> XChannel:
    return XChannel(login(server, "grace"))
