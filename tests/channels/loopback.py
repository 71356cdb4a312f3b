"""A server on loopback that answers as a network's documentation says, and goes wrong where a test wants it to."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it came in; ``form`` holds a body that is a form, ``json`` one that is JSON."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """What is answered: a body that is JSON, or bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Fault:
    """How requests to ``path`` (a pattern) go wrong, ``count`` times.

    ``reply`` is answered without acting. Else the server acts, and of its answer only ``kept`` bytes of the body arrive
    (``None``: not even the head), or it holds the line for ``seconds`` before it acts.
    """

    path: str
    method: str = ""
    reply: Reply | None = None
    kept: int | None = None
    seconds: float = 0.0
    count: int = 1_000_000

    def fits(self, request: Request) -> bool:
        return (
            self.count > 0
            and self.method in ("", request.method)
            and bool(re.fullmatch(self.path, request.path))
        )


class Loopback:
    """Subclass and give it ``answer(request) -> Reply``. ``requests`` are all that came, in order."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.times: list[float] = []
        self.lock = threading.Lock()
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def fault(self, path: str, **effect: Any) -> Fault:
        found = Fault(path, **effect)
        self.faults.append(found)
        return found

    def count(self, method: str, path: str) -> int:
        """How many requests came to a path (a pattern)."""
        return sum(one.method == method and bool(re.fullmatch(path, one.path)) for one in self.requests)

    def hold(self, seconds: float) -> None:
        self._ended.wait(seconds)


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = Request(self.command, parts.path, query, self.headers, body)
            with server.lock:
                server.requests.append(request)
                server.times.append(time.time())
                fault = next((one for one in server.faults if one.fits(request)), None)
                if fault is not None:
                    fault.count -= 1
            if fault is not None and fault.reply is not None:
                return self._tell(fault.reply)
            if fault is not None and fault.seconds:
                server.hold(fault.seconds)
            with server.lock:
                reply = server.answer(request)
            if fault is None or fault.seconds:
                return self._tell(reply)
            self._break_off(reply, fault.kept)

        do_GET = do_POST = do_DELETE = do_PUT = _serve

        def _tell(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def _break_off(self, reply: Reply, kept: int | None) -> None:
            if kept is not None:
                head = f"HTTP/1.1 {reply.status} OK\r\nDate: {formatdate(usegmt=True)}\r\n"
                head += f"Content-Type: application/json\r\nContent-Length: {len(reply.content)}\r\n\r\n"
                self.wfile.write(head.encode() + reply.content[:kept])
                self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    return Handler
