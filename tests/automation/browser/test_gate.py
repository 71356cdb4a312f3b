"""The gate as a browser sees it: a SOCKS5 server that lets little through."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from automation.browser.gate import FORBIDDEN, GRANTED, UNREACHABLE, Gate, is_allowed


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it hears; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                while data := client.recv(100):
                    client.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


def ask(gate: Gate, host: str, port: int, *, kind: int = 3) -> tuple[int, socket.socket]:
    """The gate's answer to the wish to connect, and the connection."""
    client = socket.create_connection(("127.0.0.1", int(gate.address.rpartition(":")[2])), 5)
    client.sendall(b"\x05\x01\x00")
    assert client.recv(2) == b"\x05\x00"
    if kind == 3:
        where = bytes([len(host)]) + host.encode()
    else:
        where = socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, host)
    client.sendall(b"\x05\x01\x00" + bytes([kind]) + where + struct.pack("!H", port))
    return client.recv(10)[1], client


def test_allowed_host_is_let_through(gate: Gate, echo: int) -> None:
    gate.open(["localhost"])
    answer, client = ask(gate, "localhost", echo)
    assert answer == GRANTED
    client.sendall(b"hello")
    assert client.recv(10) == b"hello"


def test_other_hosts_are_refused_and_named(gate: Gate, echo: int) -> None:
    gate.open(["localhost"])
    assert ask(gate, "127.0.0.1", echo, kind=1)[0] == FORBIDDEN
    assert ask(gate, "elsewhere.example", echo)[0] == FORBIDDEN
    assert gate.refused == {"127.0.0.1", "elsewhere.example"}


def test_allowed_name_that_leads_inside_is_refused(gate: Gate, echo: int, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    gate.open(["localhost", "127.0.0.1", "169.254.169.254", "::1"])
    assert ask(gate, "localhost", echo)[0] == FORBIDDEN
    assert ask(gate, "127.0.0.1", echo, kind=1)[0] == FORBIDDEN
    assert ask(gate, "169.254.169.254", 80, kind=1)[0] == FORBIDDEN
    assert ask(gate, "::1", echo, kind=4)[0] == FORBIDDEN


def test_nobody_there_is_told(gate: Gate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    gate.open(["127.0.0.1"])
    assert ask(gate, "127.0.0.1", port)[0] == UNREACHABLE


def test_closing_cuts_what_is_open_and_lets_nothing_more_through(gate: Gate, echo: int) -> None:
    gate.open(["localhost"])
    _, client = ask(gate, "localhost", echo)
    gate.close()
    assert client.recv(10) == b""
    assert ask(gate, "localhost", echo)[0] == FORBIDDEN


def test_what_speaks_no_socks_is_dropped(gate: Gate) -> None:
    client = socket.create_connection(("127.0.0.1", int(gate.address.rpartition(":")[2])), 5)
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    try:
        said = client.recv(100)
    except ConnectionResetError:
        said = b""
    assert said == b""


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("example.org", True), ("EXAMPLE.org.", True), ("www.example.org", False), ("cdn.example.net", True),
        ("a.b.example.net", True), ("example.net", False), ("badexample.net", False), ("example.org.evil.test", False),
    ],
)  # fmt: skip
def test_hosts_are_exact_or_below(host: str, *, allowed: bool) -> None:
    assert is_allowed(host, ["example.org", "*.example.net"]) is allowed
