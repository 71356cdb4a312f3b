"""A third-party Mastodon server, and a line in front of it that can be cut."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from automation.channels.base import Login
from automation.channels.mastodon.channel import MastodonChannel


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


START_SECONDS = 90.0  # on a machine that is busy with everything else


class MockServer:
    """mastodon-mock in its own process: ada, grace, alan and katherine, each with a token ``<name>_token``."""

    def __init__(self, folder: Path, config: Path | None = None) -> None:
        """``config`` names other accounts than these."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = (folder / "mastodon_mock.log").open("wb")
        program = str(Path(sys.executable).with_name("mastodon_mock"))
        self._process = subprocess.Popen(
            [
                program,
                "serve",
                "--in-memory",
                "--port",
                str(self.port),
                *(["--config", str(config)] if config else ["--demo"]),
            ],
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/api/v1/instance", timeout=5).is_success:
                    return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"mastodon_mock did not start: {Path(self._log.name).read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:  # it still holds a request that was told to hang
            self._process.kill()
            self._process.wait(5)
        self._log.close()

    def call(self, method: str, path: str, token: str = "", **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=10, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(
        self, path: str, *, methods: list[str] | None = None, count: int | None = None, **effect: Any
    ) -> None:
        """The next ``count`` requests to ``path`` go wrong as ``effect`` says."""
        rule = {"match": {"path": path, "methods": methods}, "effect": effect, "count": count}
        self.call("POST", "/api/v1/_mock/faults", json=rule)

    def reset(self) -> None:
        self.call("DELETE", "/api/v1/_mock/faults")
        self.call("POST", "/api/v1/_mock/reset")

    def statuses(self, name: str) -> list[dict[str, Any]]:
        """What the server holds of one account, asked without our code."""
        own = self.call("GET", "/api/v1/accounts/verify_credentials", f"{name}_token")
        found: list[dict[str, Any]] = self.call(
            "GET", f"/api/v1/accounts/{own['id']}/statuses?limit=40", f"{name}_token"
        )
        return found


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    server = MockServer(tmp_path_factory.mktemp("mastodon"))
    yield server
    server.stop()


@pytest.fixture
def server(started: MockServer) -> MockServer:
    started.reset()
    return started


def login(url: str, name: str) -> Login:
    return Login(account_id=1, handle=name, server=url, secret={"token": f"{name}_token"})


@pytest.fixture
def ada(server: MockServer) -> MastodonChannel:
    return MastodonChannel(login(server.url, "ada"))


@pytest.fixture
def katherine(server: MockServer) -> MastodonChannel:
    return MastodonChannel(login(server.url, "katherine"))


@dataclass
class Line:
    """A TCP line to the server. ``cut(request, answer)`` gives the bytes of the answer that still arrive."""

    url: str
    cut: Callable[[bytes, bytes], bytes] = field(default=lambda request, answer: answer)


@pytest.fixture
def line(server: MockServer) -> Iterator[Line]:
    """Every connection carries one request, is forwarded whole, and answered as ``line.cut`` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Line(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                inward, _ = listener.accept()
            except OSError:
                return
            with inward:
                request = _whole_request(inward)
                if request:
                    with contextlib.suppress(OSError):
                        inward.sendall(found.cut(request, _forward(server.port, request)))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield found
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def _whole_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(row.split(b":")[1])
            for row in head.split(b"\r\n")
            if row.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\nConnection: close\r\n\r\n" + body


def _forward(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as outward:
        outward.sendall(request.replace(b"Connection: keep-alive\r\n", b""))
        answer = b""
        while piece := outward.recv(65_536):
            answer += piece
        return answer
