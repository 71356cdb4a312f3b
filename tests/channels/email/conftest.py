"""A world of mail for this folder's tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from automation.channels.base import Act
from automation.channels.email.channel import EmailChannel, connect
from tests.channels.email.world import MailWorld

OURS = "ann@ours.test"
THEIRS = "bob@people.test"


@pytest.fixture
def world() -> Iterator[MailWorld]:
    with MailWorld() as found:
        yield found


@pytest.fixture
def channel(world: MailWorld) -> Iterator[EmailChannel]:
    found = connect(world.login(OURS))
    assert isinstance(found, EmailChannel)
    yield found
    found.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def mail(**fields: object) -> Act:
    """A mail to send."""
    values = {"handle": THEIRS, "text": "Hello Bob", "subject": "A question"}
    return Act("email", uuid4(), **{**values, **fields})  # type: ignore[arg-type]
