"""A model endpoint on loopback that speaks the OpenAI shape and says what a test's own function tells it to say."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Script = Callable[[str, list[dict[str, Any]]], list[dict[str, Any]]]  # instructions, leads -> judgements
PIECE = re.compile(r"\w{1,4}|[^\w\s]")


def tokens(text: str) -> int:
    """About what tokenisers in use count: four letters, or one sign."""
    return len(PIECE.findall(text))


@dataclass
class ScriptedModel:
    """As a context manager: listens on a free port while the block runs. ``bodies`` are the requests it took.

    It counts the schema and four tokens around every message as read, as endpoints do.
    """

    script: Script
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    busiest: int = 0  # requests at once
    _now: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What to set up as the endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The completion for a request."""
        with self._counting:
            self.bodies.append(body)
            self._now += 1
            self.busiest = max(self.busiest, self._now)
        system, user = (message["content"] for message in body["messages"])
        said = json.dumps(
            {"judgements": self.script(system, json.loads(user))}, ensure_ascii=False, separators=(",", ":")
        )
        read = tokens(system) + tokens(user) + tokens(json.dumps(body.get("response_format", ""))) + 8
        with self._counting:
            self._now -= 1
        return {
            "id": "scripted", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
            "usage": {"prompt_tokens": read, "completion_tokens": tokens(said), "total_tokens": read + tokens(said)},
        }  # fmt: skip


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            model.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(model.answer(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
