"""Sending through a provider, against servers shaped like the providers' documented APIs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from automation.channels.base import AuthFailed, ChannelError, Login, NotFound, Refused, TryLater, Unknown
from automation.channels.email.channel import connect
from tests.channels.email.conftest import mail

Answer = tuple[int, Any, dict[str, str]]


class Api:
    """Takes requests, answers as told; ``None`` ends the connection without a word."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[], Answer | None] = lambda: (200, {}, {})
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                found = api.answer()
                if found is None:
                    self.connection.close()
                    return
                status, content, headers = found
                text = (content if isinstance(content, str) else json.dumps(content)).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(text)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def login(self, provider: str) -> Login:
        secret = {
            "password": "x",
            "provider": provider,
            "provider_key": "key-canary-41",
            "provider_url": f"{self.url}/",
        }
        return Login(account_id=1, handle="ann@ours.test", secret=secret)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    found = Api()
    yield found
    found.close()


# What each answers to one message, from its documentation, and the id we keep.
TAKEN = {
    "postmark": ({"To": "bob@people.test", "MessageID": "b7bc2f4a", "ErrorCode": 0, "Message": "OK"}, "b7bc2f4a"),
    "mailgun": ({"id": "<2026.1@ours.test>", "message": "Queued. Thank you."}, "2026.1@ours.test"),
    "brevo": ({"messageId": "<2026.2@smtp-relay.test>"}, "2026.2@smtp-relay.test"),
    "resend": ({"id": "49a3999c-0ce1"}, "49a3999c-0ce1"),
}  # fmt: skip
KEY_IN = {
    "postmark": "x-postmark-server-token",
    "mailgun": "authorization",
    "brevo": "api-key",
    "resend": "authorization",
}


def fields(provider: str, headers: dict[str, str], body: bytes) -> str:
    """The request's body as text, forms taken apart."""
    if provider != "mailgun":
        return json.dumps(json.loads(body))
    kind = headers["content-type"]
    if "multipart" not in kind:
        return body.decode()
    parsed = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    return str(parsed)


@pytest.mark.parametrize("provider", TAKEN)
def test_a_mail_goes_out_with_our_ids_and_is_tracked_by_theirs(api: Api, provider: str) -> None:
    answer, tracking = TAKEN[provider]
    api.answer = lambda: (200, answer, {})
    wanted = mail(link="https://ours.test/goodbye/1")
    assert connect(api.login(provider)).message(wanted).remote_id == tracking

    [(_, headers, body)] = api.seen
    text = fields(provider, headers, body)
    assert headers[KEY_IN[provider]]
    assert wanted.send_id.hex in text
    for part in ("bob@people.test", "A question", "Hello Bob", "One-Click"):
        assert (
            part.replace("@", "%40") in text.replace("+", " ")
            or part in text
            or part.replace(" ", "+") in text
        )


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, AuthFailed), (403, AuthFailed), (400, Refused), (500, Unknown), (503, Unknown), (404, AuthFailed)],
)
def test_answers_become_the_channels_errors(api: Api, status: int, expected: type[ChannelError]) -> None:
    api.answer = lambda: (status, {"Message": "no key-canary-41", "ErrorCode": 10}, {})
    with pytest.raises(expected) as caught:
        connect(api.login("postmark")).message(mail())
    assert "canary" not in str(caught.value)


def test_slowing_down_is_a_rate_limit_with_its_wait(api: Api) -> None:
    api.answer = lambda: (429, {"message": "slow"}, {"Retry-After": "17"})
    with pytest.raises(TryLater) as caught:
        connect(api.login("brevo")).message(mail())
    assert (caught.value.rate_limited, caught.value.retry_after) == (True, 17.0)


def test_an_answer_that_gets_lost_is_unclear(api: Api) -> None:
    api.answer = lambda: None
    with pytest.raises(Unknown):
        connect(api.login("resend")).message(mail())
    assert len(api.seen) == 1


@pytest.mark.parametrize("answer", ["<html>", "{}", "[]", '{"id": 5}'])
def test_an_answer_that_says_nothing_is_no_success_with_a_made_up_id(api: Api, answer: str) -> None:
    api.answer = lambda: (200, answer, {})
    with pytest.raises(Unknown):
        connect(api.login("postmark")).message(mail())


def test_an_inactive_recipient_is_a_bad_address(api: Api) -> None:
    api.answer = lambda: (
        422,
        {
            "ErrorCode": 406,
            "Message": "A recipient was marked as inactive. Found inactive addresses: bob@people.test.",
        },
        {},
    )
    with pytest.raises(NotFound):
        connect(api.login("postmark")).message(mail())


def test_a_provider_that_is_away_is_tried_later(api: Api) -> None:
    login = api.login("postmark")
    api.close()
    with pytest.raises(TryLater):
        connect(login).message(mail())


def test_a_providers_address_inside_is_refused(api: Api, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(AuthFailed, match="private network"):
        connect(api.login("postmark")).message(mail())
    assert api.seen == []
