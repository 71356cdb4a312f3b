"""Going out through an account's own proxy: how one is written, and how a connection is led through it.

A proxy is ``http://`` (the CONNECT method) or ``socks5://``. It is asked for the target's number, never its name: the
name was resolved and checked here, and so the proxy cannot turn it into something inside. What cannot be checked is where
the proxy's own network leads that number; the traffic within is TLS wherever the network speaks it.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import struct
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

import httpcore

SCHEMES = ("http", "socks5")
EXAMPLE = "socks5://user:password@proxy.example.org:1080 or http://proxy.example.org:3128"
LONGEST_HEAD = 16_384  # bytes of a proxy's answer to CONNECT
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
_SOCKS_SAYS = {
    1: "it failed", 2: "its rules forbid the connection", 3: "the network cannot be reached from it",
    4: "the host cannot be reached from it", 5: "the host refused the connection", 6: "the connection took too long",
    7: "it does not support connecting", 8: "it does not support this kind of address",
}  # fmt: skip


class ProxyRefusal(Exception):
    """The proxy did not lead us on. ``denied``: it refuses our user name and password, for good."""

    def __init__(self, message: str, *, denied: bool = False) -> None:
        super().__init__(message)
        self.denied = denied


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. Its password is in no repr and not in ``str()``."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """How people see it: without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, password included."""
        who = quote(self.username, safe="")
        if self.password:
            who += f":{quote(self.password, safe='')}"
        return str(self).replace("://", f"://{who}@", 1) if who else str(self)


def parse(url: str) -> Proxy:
    """The proxy that ``url`` names; :class:`ValueError` with a sentence that repeats nothing of it."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ValueError(f"This is no address of a proxy. Write it like {EXAMPLE}.") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"A proxy begins with http:// or socks5://, e.g. {EXAMPLE}.")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or not port:
        raise ValueError(f"The proxy's host or port is missing. Write it like {EXAMPLE}.")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"Nothing may follow the proxy's port. Write it like {EXAMPLE}.")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if max(len(username.encode()), len(password.encode())) > 255:
        raise ValueError("A proxy's user name and password may have 255 bytes each.")
    return Proxy(parts.scheme, parts.hostname, port, username, password)


def lead(
    stream: httpcore.NetworkStream, proxy: Proxy, address: str, port: int, timeout: float | None
) -> None:
    """Have the proxy at the other end of ``stream`` connect it to a number; :class:`ProxyRefusal` when it does not.

    ``timeout`` is in seconds and for each step.
    """
    line = _Line(stream, timeout)
    if proxy.scheme == "socks5":
        _lead_socks(line, proxy, address, port)
    else:
        _lead_http(line, proxy, address, port)


class _Line:
    """Reads exactly as much as is asked for: whatever follows belongs to the target."""

    def __init__(self, stream: httpcore.NetworkStream, timeout: float | None) -> None:
        self._stream, self._timeout = stream, timeout

    def say(self, data: bytes) -> None:
        self._stream.write(data, self._timeout)

    def hear(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._stream.read(count - len(data), self._timeout)
            if not piece:
                raise ProxyRefusal("it closed the connection; is it a proxy of this kind?")
            data += piece
        return data


def _lead_http(line: _Line, proxy: Proxy, address: str, port: int) -> None:
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    rows = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username:
        pair = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        rows.append(f"Proxy-Authorization: Basic {pair}")
    line.say("\r\n".join([*rows, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.hear(1)
        if len(head) > LONGEST_HEAD:
            raise ProxyRefusal("its answer is no proxy's")
    found = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if not found:
        raise ProxyRefusal("its answer is no proxy's")
    status = int(found[1])
    if status == 407:
        raise ProxyRefusal("it refuses the user name and password", denied=True)
    if not 200 <= status < 300:
        raise ProxyRefusal(f"it answered {status} to the wish to connect")


def _lead_socks(line: _Line, proxy: Proxy, address: str, port: int) -> None:
    """RFC 1928, with the user name and password of RFC 1929."""
    offered = b"\x00\x02" if proxy.username else b"\x00"
    line.say(b"\x05" + bytes([len(offered)]) + offered)
    version, method = line.hear(2)
    if version != 5:
        raise ProxyRefusal("it speaks no SOCKS 5")
    if method == 2 and proxy.username:
        _sign_in(line, proxy)
    elif method != 0:
        raise ProxyRefusal("it wants a user name and password", denied=True)
    ip = ipaddress.ip_address(address.partition("%")[0])
    kind = b"\x01" if ip.version == 4 else b"\x04"
    line.say(b"\x05\x01\x00" + kind + ip.packed + struct.pack("!H", port))
    _, answer, _, bound = line.hear(4)
    if answer != 0:
        raise ProxyRefusal(_SOCKS_SAYS.get(answer, f"it answered {answer}"))
    length = {1: 4, 4: 16}.get(bound) or line.hear(1)[0]
    line.hear(length + 2)


def _sign_in(line: _Line, proxy: Proxy) -> None:
    name, word = proxy.username.encode(), proxy.password.encode()
    line.say(b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word)
    if line.hear(2)[1] != 0:
        raise ProxyRefusal("it refuses the user name and password", denied=True)
