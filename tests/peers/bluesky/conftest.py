"""Bluesky's own software, running, with accounts to act as."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automation.channels.base import Login
from tests.peers.bluesky import server
from tests.peers.bluesky.server import Network, Person


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    if not server.is_installed():
        pytest.skip(
            f"Bluesky's software is not installed here. Install it with {server.PROGRAM.with_name('install')}"
        )
    with server.running() as found:
        yield found


@pytest.fixture(scope="session")
def ada(network: Network) -> Person:
    return network.join("ada", bio="Programs for engines that are still to be built.")


@pytest.fixture(scope="session")
def grace(network: Network) -> Person:
    return network.join("grace", bio="Compilers, ships.")


def login(network: Network, person: Person) -> Login:
    """As the engine hands it to the driver at first."""
    secret = {"app_password": person.password}
    return Login(account_id=1, handle=person.handle, server=network.url, secret=secret)
