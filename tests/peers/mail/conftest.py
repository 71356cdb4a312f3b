"""Postfix and Dovecot, running, with mailboxes to write from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from automation.channels.email.channel import EmailChannel, connect
from tests.peers.mail import server
from tests.peers.mail.server import Postoffice

_numbers = count(1)


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """These take minutes and a machine's own packages: they run when they are asked for, by their path or with CI_FULL=1.

    In every run the same driver meets aiosmtpd and pymap, and reports recorded from this Postfix.
    """
    asked = os.environ.get("CI_FULL") or any("tests/peers" in argument for argument in config.args)
    return None if asked else True


@pytest.fixture(scope="session")
def post() -> Iterator[Postoffice]:
    if not server.is_runnable():
        program = Path(server.__file__).with_name("install")
        pytest.skip(
            f"Postfix and Dovecot are not installed here, or this is not root. Run as root: {program}"
        )
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
