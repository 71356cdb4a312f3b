"""The HTTP beneath the atproto client: our checked and time-limited connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atproto_client.request import RequestBase, Response
from pydantic_core import from_json

from automation.channels.line import Line


class Said(Exception):
    """The server answered with something other than a success: ``name`` is the protocol's word for it."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(status)
        self.status, self.name, self.message = status, name, message


class Wire(RequestBase):
    """What the client takes for its HTTP: one request, one whole answer, no redirects."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def get(self, url: str, **options: Any) -> Response:
        return self._send("GET", url, options)

    def post(self, url: str, **options: Any) -> Response:
        return self._send("POST", url, options)

    def _send(self, method: str, url: str, options: dict[str, Any]) -> Response:
        content = {
            "headers": {**options.get("headers", {}), "User-Agent": "Outreach"},
            "params": options.get("params"),
            "content": options.get("content", options.get("data")),
        }
        answer = self._line.exchange(method, url, {name: value for name, value in content.items() if value})
        told = _json(answer.body, answer.headers)
        if 200 <= answer.status < 300:
            return Response(True, answer.status, told, dict(answer.headers))
        body = told if isinstance(told, dict) else {}
        raise Said(answer.status, str(body.get("error") or ""), str(body.get("message") or ""))


def _json(body: bytes, headers: Mapping[str, str]) -> Any:
    if "application/json" not in headers.get("Content-Type", "").lower():
        return body
    return from_json(body) if body else {}
