"""A server that repeats all it was told, in every kind of answer: nothing of our secrets is in an error or a log line."""

from __future__ import annotations

import base64
import json
import logging
import socketserver
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from automation.channels.base import ChannelError
from tests.channels.doors import CANARY, DOORS, UNENCRYPTED, Door
from tests.channels.loopback import Loopback, Reply, Request
from tests.loopback_proxy import LoopbackProxy

STATUSES = (200, 201, 400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 503)


class Echo(Loopback):
    """Says back every header and the whole body, wherever some network says what went wrong."""

    status = 200

    def answer(self, request: Request) -> Reply:
        told = " ".join([*map(str, request.headers.values()), *request.query.values(), request.body.decode()])
        words = (
            "message",
            "detail",
            "title",
            "error_description",
            "error_user_msg",
            "Message",
            "name",
            "status",
        )
        said: dict[str, Any] = dict.fromkeys(words, told)
        graph = {**said, "code": {401: 190, 429: 4}.get(self.status, 100)}
        error: Any = graph if "/v24.0/" in request.path or "access_token" in request.path else told
        return Reply(self.status, {**said, "error": error, "errors": [said]})


def shown(error: BaseException | None, records: list[logging.LogRecord]) -> str:
    """All that people or files get to see: the error with what led to it, and log lines with all they carry."""
    lines = ["".join(traceback.format_exception(error))] if error else []
    lines += [f"{record.getMessage()} {record.__dict__}" for record in records]
    return "\n".join(lines)


def forms_of(secret: str) -> set[str]:
    """A secret as it is, and as what it may be turned into on the way: base64 begins at any of three places."""
    coded = {
        base64.b64encode(b"\0" * start + secret.encode()).decode().rstrip("=")[4:-2] for start in range(3)
    }
    return {secret, *coded}


def assert_hidden(text: str) -> None:
    found = [form for form in forms_of(CANARY) if form in text]
    assert not found, text


@pytest.mark.parametrize("door", [door for door in DOORS if door.http], ids=str)
def test_server_that_repeats_everything_is_not_repeated(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    server = Echo()
    port = int(server.url.rpartition(":")[2])
    with caplog.at_level(logging.DEBUG):
        for status in STATUSES:
            server.status = status
            assert_hidden(shown(_failure(door, port), caplog.records))
    server.stop()
    told = " ".join(f"{one.headers} {one.body.decode()} {json.dumps(one.query)}" for one in server.requests)
    assert any(form in told for form in forms_of(CANARY)), "nothing secret was sent, so nothing was tried"


def _failure(door: Door, port: int, proxy: str = "") -> BaseException | None:
    try:
        door.call("127.0.0.1", port, proxy)
    except ChannelError as error:
        return error
    return None


@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_proxy_that_fails_is_told_without_its_password(
    door: Door, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    away = LoopbackProxy(scheme, "ann", CANARY).start()
    refusing = LoopbackProxy(scheme, "ann", "another").start()
    away.stop()
    with caplog.at_level(logging.DEBUG):
        for url in (away.url, refusing.url.replace("another", CANARY)):
            failure = _failure(door, 9, url)
            assert failure is not None
            assert_hidden(shown(failure, caplog.records))
    refusing.stop()


class _Mail(socketserver.StreamRequestHandler):
    """SMTP and IMAP at once: greets, offers STARTTLS nowhere, and refuses every command by repeating it."""

    def handle(self) -> None:
        self.wfile.write(self.server.greeting)  # type: ignore[attr-defined]
        while line := self.rfile.readline(65_536):
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(self.server.say(line.strip().decode()))  # type: ignore[attr-defined]


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    greeting = b""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Mail)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def say(self, line: str) -> bytes:
        raise NotImplementedError


class _Smtp(_MailServer):
    greeting = b"220 mail.test\r\n"

    def say(self, line: str) -> bytes:
        if line.upper().startswith("EHLO"):
            return b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n"
        if line.upper().startswith("AUTH LOGIN"):
            return b"334 UGFzc3dvcmQ6\r\n"
        decoded = (
            base64.b64decode(line.split()[-1] + "===").decode(errors="replace") if " " not in line[5:] else ""
        )
        return f"535 5.7.8 not {line} {decoded!r} {decoded[-40:]}\r\n".encode()


class _Imap(_MailServer):
    greeting = b"* OK mail.test IMAP4rev1\r\n"

    def say(self, line: str) -> bytes:
        tag, _, rest = line.partition(" ")
        if rest.upper() == "CAPABILITY":
            return f"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n".encode()
        return f"{tag} NO [AUTHENTICATIONFAILED] invalid: {rest}\r\n".encode()


@pytest.fixture(params=[_Smtp, _Imap])
def mail_server(request: pytest.FixtureRequest) -> Iterator[_MailServer]:
    found: _MailServer = request.param()
    yield found
    found.shutdown()
    found.server_close()


def test_mail_server_that_repeats_everything_is_not_repeated(
    mail_server: _MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("smtp",) if isinstance(mail_server, _Smtp) else ("imap", "idle")
    with caplog.at_level(logging.DEBUG):
        for door in (one for one in UNENCRYPTED if one.name in names):
            failure = _failure(door, int(mail_server.server_address[1]))
            assert failure is not None
            assert_hidden(shown(failure, caplog.records))
    assert any(form in str(mail_server.heard) for form in forms_of(CANARY)), mail_server.heard
