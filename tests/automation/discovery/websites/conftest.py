"""A website of our own, whose pages a test writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from automation.discovery.websites import robots
from tests.automation.browser import conftest as browsing

server, served, open_desk = browsing.server, browsing.served, browsing.open_desk
no_worker_left = browsing.no_worker_left


@dataclass
class Answer:
    """What the site says under one path; ``drip`` seconds pass between the bytes of the body."""

    body: bytes = b""
    mime: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0


class Site:
    """The site, its answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, str]] = []  # method, path, user agent
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append((request.command, request.path, request.headers.get("User-Agent", "")))
        answer = self.answers.get(request.path, Answer(b"nothing here", status=404))
        request.send_response(answer.status)
        for name, value in {"Content-Type": answer.mime, **answer.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        try:
            if not answer.drip:
                request.wfile.write(answer.body)
            for place in range(len(answer.body) if answer.drip else 0):
                request.wfile.write(answer.body[place : place + 1])
                time.sleep(answer.drip)
        except OSError:
            return  # they have had enough

    def page(self, path: str, body: str, **more: object) -> None:
        self.answers[path] = Answer(body.encode(), **more)  # type: ignore[arg-type]

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    robots.forget()
    running = Site()
    yield running
    running.close()
