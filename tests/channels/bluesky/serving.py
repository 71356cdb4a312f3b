"""The HTTP of the loopback account server, and the ways in which it fails."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


class No(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, name: str, message: str = "") -> None:
        super().__init__(name)
        self.status, self.name, self.message = status, name, message


@dataclass
class Fault:
    """What happens to requests whose method's name ends with ``name``, the next ``times`` times.

    ``after`` lets the act happen first. Without a ``status`` the answer breaks off: after ``cut`` bytes, or never comes.
    """

    name: str
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    cut: int = -1
    hang: float = 0.0
    times: int = 10**6


class Answering(Protocol):
    """What answers: counts its calls, knows its faults, and gives or refuses what is asked."""

    calls: Any
    moments: list[tuple[float, str]]

    def take_fault(self, name: str) -> Fault | None: ...
    def answer(self, name: str, token: str, given: Json, blob: bytes) -> Json: ...


def handler_of(pds: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self._serve(
                {
                    key: value[0] if len(value) == 1 and key != "reasons" else value
                    for key, value in query.items()
                },
                b"",
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in (self.headers.get("Content-Type") or "")
            self._serve(json.loads(body) if is_json and body else {}, body)

        def _serve(self, given: Json, blob: bytes) -> None:
            name = urlsplit(self.path).path.rsplit("/", 1)[-1]
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            fault = pds.take_fault(name)
            if fault and not fault.after:
                pds.calls[name] += 1
                pds.moments.append((time.time(), name))
                self._fail(fault, b"")
                return
            try:
                status, body = 200, pds.answer(name, token, given, blob)
            except No as no:
                status, body = no.status, {"error": no.name, "message": no.message}
            content = json.dumps(body).encode()
            if fault:
                self._fail(fault, content)
            else:
                self._send(status, content, {})

        def _fail(self, fault: Fault, content: bytes) -> None:
            time.sleep(fault.hang)
            self.close_connection = True
            if fault.status:
                self._send(fault.status, json.dumps(fault.body or {}).encode(), fault.headers)
            elif fault.cut >= 0:
                self._send(200, content or b'{"uri":"at://', {}, cut=fault.cut)

        def _send(self, status: int, content: bytes, headers: dict[str, str], cut: int | None = None) -> None:
            self.send_response(status)
            for key, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:cut])

    return Handler
