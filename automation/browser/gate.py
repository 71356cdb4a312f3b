"""The only way out of a context: a SOCKS5 server on loopback that knows the allowed hosts and checks every address.

Chromium leaves it to the proxy to look names up, so a name is resolved once, checked, and connected to by number:
neither a redirect nor a name that changes its mind leads into a private network.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator

import httpx

from outreach.lib import net

CONNECT_SECONDS = 10.0
HELLO_SECONDS = 5.0
NOTICE_SECONDS = 0.05  # on the same machine a closed connection is known at once
CHUNK = 65536
GRANTED, FORBIDDEN, UNREACHABLE, UNSUPPORTED = 0, 2, 4, 7
BY_IPV4, BY_NAME, BY_IPV6 = 1, 3, 4
CONNECT = 1


def is_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Whether ``host`` is one of ``allowed``: an exact name, ``*.example.org`` for everything below, or ``*`` for any.

    This is about names; where they lead is looked at when the connection is made.
    """
    plain = host.rstrip(".").casefold()
    for entry in allowed:
        name = entry.rstrip(".").casefold()
        if name == "*" or plain == name or (name.startswith("*.") and plain.endswith(name[1:])):
            return True
    return False


class Gate:
    """Listens from its making until the process ends; lets nothing through until :meth:`open`."""

    def __init__(self) -> None:
        self._allowed: tuple[str, ...] = ()
        self._proxy = ""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.refused: set[str] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"socks5://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, name="gate", daemon=True).start()

    def open(self, allowed: Iterable[str], *, proxy: str = "") -> None:
        """Let through what leads to ``allowed``, by way of ``proxy`` if there is one."""
        self.refused = set()
        self._allowed, self._proxy = tuple(allowed), proxy

    def close(self) -> None:
        """Let nothing through, and cut what is open."""
        self._allowed = ()
        self._cut()

    def cut(self) -> None:
        """Cut what is open and wait until the browser has noticed; see :mod:`automation.browser.once`."""
        if self._cut():
            time.sleep(NOTICE_SECONDS)

    def _cut(self) -> int:
        with self._lock:
            still = list(self._open)
        for one in still:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        return len(still)

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            threading.Thread(target=self._serve, args=(client,), name="gate-way", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, self._kept(client):
            try:
                client.settimeout(HELLO_SECONDS)
                host, port = _asked(client)
                client.settimeout(None)
            except (OSError, ValueError):
                return  # whoever that was, it does not speak SOCKS
            try:
                server = self._connect(host, port)
            except (net.ForbiddenAddress, PermissionError):
                self.refused.add(host)
                _answer(client, FORBIDDEN)
            except (OSError, httpx.TransportError):
                _answer(client, UNREACHABLE)
            else:
                with server, self._kept(server):
                    _answer(client, GRANTED)
                    _pump(client, server)

    def _connect(self, host: str, port: int) -> socket.socket:
        if not is_allowed(host, self._allowed):
            raise PermissionError(host)
        connection = net.connect(host, port, timeout=CONNECT_SECONDS, proxy=self._proxy)
        connection.settimeout(None)
        return connection

    @contextlib.contextmanager
    def _kept(self, one: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(one)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(one)


def _asked(client: socket.socket) -> tuple[str, int]:
    """Shake hands; the host and port the browser wants."""
    version, methods = _exactly(client, 2)
    if version != 5:
        raise ValueError("not SOCKS5")
    _exactly(client, methods)
    client.sendall(b"\x05\x00")
    _, command, _, kind = _exactly(client, 4)
    if command != CONNECT:
        _answer(client, UNSUPPORTED)
        raise ValueError("only connections")
    if kind == BY_NAME:
        host = _exactly(client, _exactly(client, 1)[0]).decode("ascii")
    elif kind in (BY_IPV4, BY_IPV6):
        host = str(ipaddress.ip_address(_exactly(client, 4 if kind == BY_IPV4 else 16)))
    else:
        raise ValueError("an unknown kind of address")
    return host, int.from_bytes(_exactly(client, 2))


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise ValueError("hung up")
        data += more
    return data


def _answer(client: socket.socket, code: int) -> None:
    with contextlib.suppress(OSError):
        client.sendall(bytes([5, code, 0, BY_IPV4, 0, 0, 0, 0, 0, 0]))


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until both sides have said all they had to."""
    talking = {one, other}
    while talking:
        for source in select.select(talking, [], [])[0]:
            target = other if source is one else one
            try:
                data = source.recv(CHUNK)
                if data:
                    target.sendall(data)
                    continue
                target.shutdown(socket.SHUT_WR)
            except OSError:
                return
            talking.discard(source)
