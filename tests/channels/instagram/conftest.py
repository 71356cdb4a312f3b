"""A server that answers as Meta's documentation says, and two professional accounts on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automation.channels.base import Login
from automation.channels.instagram import client, publishing
from automation.channels.instagram.channel import InstagramChannel
from tests.channels.instagram.server import GraphServer


@pytest.fixture
def server() -> Iterator[GraphServer]:
    found = GraphServer()
    yield found
    found.stop()
    publishing._containers.clear()
    client._renewed_at.clear()


def login(server: GraphServer, name: str = "roast", **secret: object) -> Login:
    tokens = {"access_token": f"{name}-token", "facebook_token": "facebook-token", **secret}
    return Login(account_id=1, handle=name, server=server.url, secret=tokens)


@pytest.fixture
def roast(server: GraphServer) -> InstagramChannel:
    return InstagramChannel(login(server))


@pytest.fixture
def brew(server: GraphServer) -> InstagramChannel:
    return InstagramChannel(login(server, "brew"))
