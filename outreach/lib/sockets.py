"""Connections for the protocols of mail: to checked addresses only (:mod:`outreach.lib.net`), within the deadline.

Every read and every write looks at the deadline first, so a process that was stopped in between no longer sends.
"""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any

from outreach.lib import net, trust
from outreach.lib.net.deadlines import left_of


class Connection:
    """A TCP or TLS connection that heeds the deadline; ``timeout`` is in seconds and for each read or write.

    Looks enough like a :class:`socket.socket` for smtplib and imaplib, which read through :meth:`makefile`.
    """

    def __init__(self, inner: socket.socket, timeout: float) -> None:
        self.inner, self.timeout = inner, timeout

    def sendall(self, data: Any) -> None:
        """Hand all of ``data`` to the system; raises :class:`OSError` if any of it could not be."""
        self.inner.settimeout(left_of(self.timeout, TimeoutError))
        self.inner.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        """Read what is there, at least one byte; 0 when the other side has closed."""
        self.inner.settimeout(left_of(self.timeout, TimeoutError))
        return self.inner.recv_into(buffer)

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BufferedReader:
        """A reader; what is written goes through :meth:`sendall`."""
        if mode != "rb":
            raise ValueError("Only for reading.")
        return io.BufferedReader(_Reader(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _Reader(io.RawIOBase):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.recv_into(buffer)


class Tls:
    """What smtplib and imaplib take for an SSL context: wraps our connections, checks certificate and name."""

    def __init__(self) -> None:
        self._context = trust.also(ssl.create_default_context())

    def wrap_socket(self, connection: Connection, server_hostname: str | None = None) -> Connection:
        """The connection under TLS; raises :class:`ssl.SSLError` when the server is not who it should be."""
        connection.inner.settimeout(left_of(connection.timeout, TimeoutError))
        inner = self._context.wrap_socket(connection.inner, server_hostname=server_hostname)
        return Connection(inner, connection.timeout)


def connect(host: str, port: int, *, timeout: float, proxy: str = "") -> Connection:
    """A connection to ``host``; see :func:`outreach.lib.net.connect` for the errors."""
    return Connection(net.connect(host, port, timeout=timeout, proxy=proxy), timeout)
