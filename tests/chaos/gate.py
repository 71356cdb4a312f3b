"""A line in front of a network's server that goes wrong where a check wants it to, and keeps count of what came and went."""

from __future__ import annotations

import http.client
import re
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NOTE = re.compile(rb"Note-(\d+)")  # what our acts say, in any encoding
NOT_PASSED_ON = frozenset({"host", "connection", "accept-encoding"})


@dataclass(slots=True)
class Seen:
    """One request: whose it was, the number of its note (0: it is no act), and what came of it.

    ``status`` is what was answered, 0 for nothing; ``taken`` whether the server behind took the act; ``early`` whether
    the account was still told to wait.
    """

    who: str
    note: int
    at: float
    status: int = 0
    taken: bool = False
    early: bool = False


@dataclass(slots=True)
class Fault:
    """What happens to acts of one account (``reads``: to all it asks), ``count`` times.

    ``status`` is answered instead; ``wait`` is named in Retry-After, as seconds or ``as_date``. Without a status the act
    takes place and only half of the answer's body arrives.
    """

    who: str
    status: int = 0
    body: bytes = b"{}"
    wait: int = 0
    as_date: bool = False
    reads: bool = False
    count: int = 1_000_000


@dataclass
class Gate:
    """Stands on a port of loopback and passes everything on to ``upstream``.

    ``who(headers)`` names the account a request belongs to, empty where it does not tell; ``act`` is a pattern that the
    method and path of an act match, e.g. ``POST /api/v1/statuses``.
    """

    upstream: str
    act: str
    who: Callable[[Any], str]
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    held: list[float] = field(default_factory=list)  # seconds callers waited in the black hole

    def __post_init__(self) -> None:
        self.swallows = False
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    # --- What a check says and asks -----------------------------------------------------------------------------------
    def fault(self, who: str, **effect: Any) -> None:
        with self._lock:
            self.faults.append(Fault(who, **effect))

    def calm(self, who: Iterable[str] = ()) -> None:
        """End every fault, or those of these accounts."""
        wanted = set(who)
        with self._lock:
            self.swallows = self.swallows and bool(wanted)
            self.faults = [fault for fault in self.faults if wanted and fault.who not in wanted]

    def acts(self, who: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.who == who and seen.note]

    def copies(self) -> int:
        """Acts the server took beyond the first of each note."""
        taken = Counter(seen.note for seen in self.seen if seen.taken)
        return taken.total() - len(taken)

    # --- What happens to a request ------------------------------------------------------------------------------------
    def meet(self, line: str, headers: Any, body: bytes) -> tuple[Seen, Fault | None]:
        """Note a request and find what is to go wrong with it."""
        found = NOTE.search(body)
        now = time.time()
        with self._lock:
            seen = Seen(
                self.who(headers), int(found[1]) if found and re.fullmatch(self.act, line) else 0, now
            )
            seen.early = now < self._until.get(seen.who, 0.0)
            self.seen.append(seen)
            fits = (fault for fault in self.faults if fault.who == seen.who and fault.count > 0)
            fault = next((fault for fault in fits if seen.note or fault.reads), None)
            if fault is not None:
                fault.count -= 1
        return seen, fault

    def refuse(self, seen: Seen, fault: Fault) -> dict[str, str]:
        """The headers of a refusal; from now on the account must wait as it says."""
        seen.status = fault.status
        if not fault.wait:
            return {}
        until = time.time() + fault.wait
        if fault.as_date:
            until = float(int(until))
        self._until[seen.who] = until
        return {"Retry-After": formatdate(until, usegmt=True) if fault.as_date else str(fault.wait)}

    def hold(self, connection: socket.socket) -> None:
        """Say nothing until the caller has left."""
        began = time.monotonic()
        while not self._over.is_set():
            if select.select([connection], [], [], 0.1)[0] and not connection.recv(1, socket.MSG_PEEK):
                break
        self.held.append(time.monotonic() - began)

    def forward(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer of the server behind."""
        parts = urlsplit(self.upstream)
        given = {name: value for name, value in headers.items() if name.lower() not in NOT_PASSED_ON}
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            line.request(method, path, body=body or None, headers=given)
            answer = line.getresponse()
            told = {name: value for name, value in answer.getheaders() if name.lower() == "content-type"}
            return answer.status, told, answer.read()
        finally:
            line.close()


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = f"{self.command} {urlsplit(self.path).path}"
            seen, fault = gate.meet(line, self.headers, body)
            if gate.swallows:
                self.close_connection = True
                return gate.hold(self.connection)
            if fault is not None and fault.status:
                headers = gate.refuse(seen, fault)
                return self._tell(fault.status, {"Content-Type": "application/json", **headers}, fault.body)
            seen.status, headers, answer = gate.forward(self.command, self.path, self.headers, body)
            seen.taken = bool(seen.note) and seen.status < 300
            self._tell(seen.status, headers, answer, whole=fault is None)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve

        def _tell(self, status: int, headers: dict[str, str], body: bytes, *, whole: bool = True) -> None:
            """Answer; with half a body of which the length says that more was to come."""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if whole else body[: len(body) // 2])
            if not whole:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

    return Handler
