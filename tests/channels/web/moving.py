"""A site whose form has moved: what is sent to its old address is sent on as it is (307, 308), and the new one may hang up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

ME = "mover"
SITE = """
name = "moving"
title = "The moving site"
seconds = 15
lag = 0
clock = 1
[login]
open = "/"
viewer = { css = "#me" }
[write.dm]
open = "/"
fill = { text = { label = "Message" } }
press = { role = "button", name = "Send" }
authoritative = true
[write.dm.shows]
items = { css = "li" }
[write.dm.shows.take]
id = { attribute = "id" }
text = { css = "p" }
at = { css = "time", attribute = "datetime" }
"""
PAGE = """<!doctype html><title>Moving</title><b id=me>{me}</b><form method=post action=/old>
<label>Message <input name=text></label><button>Send</button></form><ul>{items}</ul>"""


class Moving(ThreadingHTTPServer):
    """``taken`` are the texts that arrived at the new address, in order, each time one did."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.taken: list[tuple[str, str]] = []
        self.sends_on, self.sends_to = 307, "/new"
        self.hangs_up = False

    def page(self) -> bytes:
        items = "".join(
            f'<li id=i{number}><p>{escape(text)}</p><time datetime="{at}"></time></li>'
            for number, (text, at) in enumerate(self.taken)
        )
        return PAGE.format(me=ME, items=items).encode()


class Handler(BaseHTTPRequestHandler):
    """Keeps its connections open, as browsers like it."""

    protocol_version = "HTTP/1.1"
    server: Moving

    def do_GET(self) -> None:
        self._answer(200, self.server.page())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/old":
            self._answer(self.server.sends_on, location=self.server.sends_to)
            return
        self.server.taken.append((parse_qs(body)["text"][0], datetime.now(UTC).isoformat()))
        if self.server.hangs_up:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(303, location="/")

    def _answer(self, status: int, content: bytes = b"", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Tests have a log of their own."""


@contextmanager
def moving() -> Iterator[Moving]:
    server = Moving()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
