"""A running network for this folder's tests. People react only when a test says so."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from automation.channels.base import Act, Channel, Login
from automation.channels.sandbox.channel import connect
from automation.channels.sandbox.control import Control, OwnAccount, SyntheticPerson
from automation.channels.sandbox.process import SandboxProcess

NEVER = 100_000.0  # seconds; a reply delay that no test outlives


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    with SandboxProcess(folder, people=120, accounts=40, reply_delay=NEVER) as process:
        yield process


@pytest.fixture
def control(sandbox: SandboxProcess) -> Control:
    """The side door, with nothing broken and no requests counted yet."""
    control = sandbox.control
    control.reset_faults()
    control.forget_requests()
    control.idempotency_keys(False)
    return control


_used = iter(range(1_000_000))


@pytest.fixture
def account(control: Control) -> OwnAccount:
    """An account that no other test of the module used."""
    accounts = control.accounts()
    return accounts[next(_used) % len(accounts)]


@pytest.fixture
def login(sandbox: SandboxProcess, account: OwnAccount) -> Login:
    return account.login(sandbox.url)


@pytest.fixture
def channel(login: Login) -> Channel:
    return connect(login)


@pytest.fixture
def person(control: Control) -> SyntheticPerson:
    """Somebody who takes messages."""
    return next(one for one in control.people() if one.temper == "silent" and one.opted_out_at is None)


def dm(person: SyntheticPerson, text: str = "Hello!") -> Act:
    return Act("dm", uuid4(), handle=person.handle, remote_id=person.id, text=text)


Talk = Callable[[socket.socket], None]


@pytest.fixture
def raw_server() -> Iterator[Callable[[Talk], str]]:
    """Starts a server that says exactly what a test wants; called with what to do with each connection."""
    listeners: list[socket.socket] = []

    def start(talk: Talk) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        talk(connection)
                    except OSError:
                        continue  # the client left first

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
