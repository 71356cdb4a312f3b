"""Addresses that lead inside are refused where the connection is made: by every channel, however it goes out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from automation.channels import registry
from automation.channels.base import AuthFailed, ChannelError, Refused
from outreach.lib.net import addresses
from tests.channels.doors import DOORS, Door

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
NAME = "moving.example"
every_door = pytest.mark.parametrize("door", DOORS, ids=str)


class Port:
    """Counts who connects, and answers each with the same bytes, if any."""

    def __init__(self, host: str = INSIDE, port: int = 0, answer: bytes = b"") -> None:
        self.connections, self._answer = 0, answer
        self._listener = socket.create_server((host, port))
        self.number = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with caller:
                if self._answer:
                    caller.recv(65_536)
                    caller.sendall(self._answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def inside() -> Iterator[Port]:
    found = Port()
    yield found
    found.close()


def test_every_network_has_its_doors_here() -> None:
    """All but the browser's, whose gate has tests of its own."""
    assert {door.network for door in DOORS} == {*registry.load()} - {"web"}


@every_door
@pytest.mark.parametrize("host", [INSIDE, "localhost", "127.1", "[::ffff:127.0.0.1]"])
def test_private_address_is_not_connected_to(door: Door, host: str, inside: Port, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises((AuthFailed, Refused)):
        door.call(host if door.http else host.strip("[]"), inside.number, "")
    assert inside.connections == 0


@every_door
@pytest.mark.parametrize("found", [(INSIDE,), ("1.1.1.1", INSIDE), ("169.254.169.254",)], ids=str)
def test_name_that_leads_inside_is_not_connected_to(
    door: Door, found: tuple[str, ...], inside: Port, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    monkeypatch.setattr(socket, "getaddrinfo", Names(found))
    with pytest.raises((AuthFailed, Refused)):
        door.call(NAME, inside.number, "")
    assert inside.connections == 0


class Names:
    """Resolves ``NAME`` to the next answer each time it is asked (the last one stays), and numbers to themselves."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found: tuple[str, ...] = (host,)
        if host == NAME:
            found, self.asked = self.answers[min(self.asked, len(self.answers) - 1)], self.asked + 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@every_door
def test_name_that_changes_its_mind_leads_nowhere_inside(
    door: Door, inside: Port, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public when it is checked, private a moment later: what was checked is what is connected to."""
    settings.ALLOWED_PRIVATE_HOSTS = []
    monkeypatch.setattr(addresses, "is_public", lambda address: address == OUTSIDE)
    monkeypatch.setattr(socket, "getaddrinfo", Names((OUTSIDE,), (INSIDE,)))
    outside = Port(OUTSIDE, inside.number)
    try:
        with pytest.raises(ChannelError):
            door.call(NAME, inside.number, "")
    finally:
        outside.close()
    assert (outside.connections > 0) is (door.network not in ONE_HOST)
    assert inside.connections == 0


ONE_HOST = ("instagram", "x")  # whose accounts may name no other server at all


@every_door
def test_proxy_is_no_way_inside(
    door: Door, inside: Port, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that stands inside is not asked, whatever lies behind it."""
    settings.ALLOWED_PRIVATE_HOSTS = []
    monkeypatch.setattr(addresses, "is_public", lambda address: address == OUTSIDE)
    with pytest.raises(ChannelError):
        door.call(OUTSIDE, inside.number, f"http://ann:word@{INSIDE}:{inside.number}")
    assert inside.connections == 0


@pytest.mark.parametrize("door", [door for door in DOORS if door.http], ids=str)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("target", [INSIDE, OUTSIDE])  # allowed, and not
def test_no_redirect_is_followed(door: Door, status: int, target: str, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = [INSIDE]
    inside = Port(target)
    head = (
        f"HTTP/1.1 {status} Moved\r\nLocation: http://{target}:{inside.number}/x\r\nContent-Length: 0\r\n\r\n"
    )
    server = Port(answer=head.encode())
    try:
        with pytest.raises(ChannelError):
            door.call(INSIDE, server.number, "")
    finally:
        server.close()
        inside.close()
    assert (server.connections, inside.connections) == (1, 0)
