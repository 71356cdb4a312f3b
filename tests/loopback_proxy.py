"""A small proxy on loopback, CONNECT and SOCKS 5, that remembers where it was asked to lead and can misbehave."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socket
import struct
import threading
from dataclasses import dataclass, field


@dataclass
class LoopbackProxy:
    """Start with :meth:`start`. ``targets`` are the ``(host, port)`` it was asked for, in order.

    ``answer`` is sent instead of leading anywhere; ``silent`` answers nothing.
    """

    scheme: str = "http"
    username: str = ""
    password: str = ""
    answer: bytes = b""
    silent: bool = False
    targets: list[tuple[str, int]] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)

    def start(self) -> LoopbackProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        who = f"{self.username}:{self.password}@" if self.username else ""
        return f"{self.scheme}://{who}127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                inward, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(inward,), daemon=True).start()

    def _serve(self, inward: socket.socket) -> None:
        with inward, contextlib.suppress(OSError, ValueError):
            inward.settimeout(10)
            if self.silent:
                self.seen.append(inward.recv(65_536))
                inward.recv(65_536)
                return
            if self.answer:
                self.seen.append(inward.recv(65_536))
                inward.sendall(self.answer)
                return
            target = self._socks(inward) if self.scheme == "socks5" else self._connect(inward)
            if target is None:
                return
            self.targets.append(target)
            try:
                outward = socket.create_connection(target, timeout=5)
            except OSError:
                no = b"\x05\x05\x00\x01" + bytes(6) if self.scheme == "socks5" else b"HTTP/1.1 502 No\r\n\r\n"
                inward.sendall(no)
                return
            yes = b"\x05\x00\x00\x01" + bytes(6) if self.scheme == "socks5" else b"HTTP/1.1 200 Yes\r\n\r\n"
            inward.sendall(yes)
            with outward:
                back = threading.Thread(target=_pump, args=(outward, inward), daemon=True)
                back.start()
                _pump(inward, outward)
                back.join(5)

    def _connect(self, inward: socket.socket) -> tuple[str, int] | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += inward.recv(1)
        self.seen.append(head)
        pair = base64.b64encode(f"{self.username}:{self.password}".encode())
        if self.username and b"Proxy-Authorization: Basic " + pair not in head:
            inward.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        return host.strip("[]"), int(port)

    def _socks(self, inward: socket.socket) -> tuple[str, int] | None:
        _, count = inward.recv(2)
        methods = inward.recv(count)
        if self.username:
            inward.sendall(b"\x05\x02" if 2 in methods else b"\x05\xff")
            if 2 not in methods:
                return None
            _, length = inward.recv(2)
            name = inward.recv(length)
            word = inward.recv(inward.recv(1)[0])
            right = (name, word) == (self.username.encode(), self.password.encode())
            inward.sendall(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return None
        else:
            inward.sendall(b"\x05\x00")
        kind = inward.recv(4)[3]
        host = str(ipaddress.ip_address(inward.recv({1: 4, 4: 16}[kind])))
        return host, struct.unpack("!H", inward.recv(2))[0]


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
