"""Every way a call can fail, and that only Unknown leaves open whether an act took place."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.x import client, errors
from automation.channels.x.channel import XChannel
from tests.channels.contract import act
from tests.channels.loopback import Reply
from tests.channels.x.conftest import login
from tests.channels.x.server import PROBLEMS, XServer

ACTS = ["publish", "reply", "message", "follow", "unfollow", "like"]
PATHS = r"/2/tweets|/2/users/\d+/(following|likes).*|/2/dm_conversations/.*"


def perform(channel: XChannel, method: str) -> object:
    """Any of the acts, upon grace and a post."""
    kinds = {"publish": "post", "message": "dm"}
    post = "1234" if method in ("reply", "like") else ""
    wanted = act(kinds.get(method, method), remote_id="1002", post_id=post, text="Hello")
    call: Callable[..., object] = getattr(channel, method)
    return call(wanted)


def fail_acts(server: XServer, **effect: Any) -> None:
    for method in ("POST", "DELETE"):
        server.fault(PATHS, method=method, **effect)


def caught(call: Callable[[], object]) -> ChannelError:
    with pytest.raises(ChannelError) as found:
        call()
    assert found.value.__context__ is None  # tweepy's messages quote whole answers
    return found.value


def problem(status: int, detail: str = "", title: str = "Problem", **more: Any) -> Reply:
    return Reply(status, {"title": title, "detail": detail, "type": "about:blank", "status": status, **more})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(400, "One or more parameters to your request was invalid."), Refused),
        (problem(401, "Unauthorized"), AuthFailed),
        (problem(402, "Your enrolled account has no credits", "CreditsDepleted"), TryLater),
        (problem(403, "You are not allowed to create a Tweet with duplicate content."), Refused),
        (problem(403, "You are not permitted to perform this action."), Refused),
        (problem(403, "Your account is suspended and is not permitted to access this feature."), AuthFailed),
        (problem(403, "Your client app is not configured with the appropriate oauth2 permissions."), AuthFailed),
        (problem(403, "x", "Client Forbidden", reason="client-not-enrolled", type=f"{PROBLEMS}client-forbidden"), AuthFailed),
        (problem(404, "Not Found"), NotFound),
        (problem(408, ""), Unknown),
        (problem(410, ""), NotFound),
        (problem(429, "Too Many Requests"), TryLater),
        (problem(500, ""), Unknown),
        (Reply(502, b"<html>bad gateway</html>"), Unknown),
        (problem(503, "Over capacity"), Unknown),
        (Reply(504, b""), Unknown),
        (Reply(301, b"", {"Location": "https://elsewhere.example/2/tweets"}), AuthFailed),
        (Reply(400, [1, 2]), Refused),
        (Reply(403, {"errors": "odd", "detail": 7}), Refused),
    ],
)  # fmt: skip
def test_answers_to_a_post(server: XServer, ada: XChannel, reply: Reply, error: type[ChannelError]) -> None:
    fail_acts(server, reply=reply)
    found = caught(lambda: perform(ada, "publish"))
    assert type(found) is error
    if isinstance(reply.body, dict) and error is Refused and isinstance(reply.body.get("detail"), str):
        assert reply.body["detail"] in str(found)
    assert server.posts == {}


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthFailed), (404, NotFound), (403, Refused), (429, TryLater), (503, Unknown)]
)
def test_answers_to_every_act(
    server: XServer, ada: XChannel, method: str, status: int, error: type[ChannelError]
) -> None:
    fail_acts(server, reply=problem(status))
    assert type(caught(lambda: perform(ada, method))) is error


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize(
    "body", [b"{", b"posted", {}, [], 7, {"data": None}, {"data": []}, {"data": {}}, b"[" * 100_000]
)
def test_success_that_says_something_else_leaves_an_act_unclear(
    server: XServer, ada: XChannel, method: str, body: object
) -> None:
    fail_acts(server, reply=Reply(200, body))
    assert type(caught(lambda: perform(ada, method))) is Unknown


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthFailed), (403, Refused), (404, NotFound), (429, TryLater), (500, TryLater), (503, TryLater)],
)
def test_answers_to_reads(server: XServer, ada: XChannel, status: int, error: type[ChannelError]) -> None:
    server.fault("/2/users/me", reply=problem(status))
    assert type(caught(ada.verify)) is error


@pytest.mark.parametrize("body", [{}, [], "hello", {"data": {"id": 5}}, b"nonsense"])
def test_reads_try_later_when_the_answer_makes_no_sense(server: XServer, ada: XChannel, body: object) -> None:
    server.fault("/2/users/me", reply=Reply(200, body))
    assert type(caught(ada.verify)) is TryLater


def test_hidden_profile_is_refused_and_says_why(server: XServer, ada: XChannel) -> None:
    said = {
        "detail": "User has been suspended: [grace_h].",
        "title": "Forbidden",
        "type": f"{PROBLEMS}not-authorized-for-resource",
    }
    server.fault("/2/users/by/.*", reply=Reply(200, {"errors": [said]}))
    assert "has been suspended" in str(caught(lambda: ada.profile("grace_h")))


def _epoch(seconds: float) -> str:
    return str(int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp()) + 1)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after": "date"}, 30, 33),
        ({"x-rate-limit-reset": "30", "x-rate-limit-remaining": "0"}, 30, 33),
        ({"x-rate-limit-reset": "30"}, 30, 33),
        (
            {"x-rate-limit-reset": "30", "x-rate-limit-remaining": "5", "x-user-limit-24hour-remaining": "0",
             "x-user-limit-24hour-reset": "7200"},
            7200, 7203,
        ),
        (
            {"x-rate-limit-reset": "30", "x-rate-limit-remaining": "0", "x-app-limit-24hour-remaining": "0",
             "x-app-limit-24hour-reset": "900", "x-user-limit-24hour-remaining": "17", "x-user-limit-24hour-reset": "9000"},
            900, 903,
        ),
        ({"x-rate-limit-reset": "soonish"}, None, None),
        ({}, None, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["publish", "verify"])
def test_slow_down_says_for_how_long(
    server: XServer,
    ada: XChannel,
    headers: dict[str, str],
    least: float | None,
    most: float | None,
    method: str,
) -> None:
    sent = {
        name: _epoch(float(value)) if name.endswith("reset") and value.isdigit() else value
        for name, value in headers.items()
    }
    if sent.get("retry-after") == "date":
        sent["retry-after"] = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    server.fault("/2/.*", reply=Reply(429, {"title": "Too Many Requests"}, sent))
    found = caught(ada.verify if method == "verify" else lambda: perform(ada, "publish"))
    assert isinstance(found, TryLater)
    assert found.rate_limited
    if least is None or most is None:
        assert found.retry_after is None
    else:
        assert found.retry_after is not None
        assert least - 1 <= found.retry_after <= most + 1


@pytest.mark.parametrize(
    "reply",
    [
        problem(
            429, "Usage cap exceeded: Monthly product cap", "UsageCapExceeded", type=f"{PROBLEMS}usage-capped"
        ),
        problem(402, "CreditsDepleted"),
    ],
)
def test_plan_that_is_used_up_waits_for_hours(server: XServer, ada: XChannel, reply: Reply) -> None:
    fail_acts(server, reply=reply)
    found = caught(lambda: perform(ada, "publish"))
    assert isinstance(found, TryLater)
    assert (found.rate_limited, found.retry_after) == (True, errors.CAPPED_SECONDS)


def test_odd_rate_limit_headers_do_not_spoil_a_success(server: XServer, ada: XChannel) -> None:
    reply = Reply(
        200, {"data": {"id": "1001", "username": "ada", "name": "Ada"}}, {"x-rate-limit-reset": "in a while"}
    )
    server.fault("/2/users/me", reply=reply)
    assert ada.verify().handle == "ada"


@pytest.mark.parametrize("method", ACTS)
def test_nobody_listening_means_not_sent(server: XServer, method: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        channel = XChannel(login(server, "ada"))
        client._ids[f"{server.url} 1 ada"] = "1001"
        assert type(caught(lambda: perform(channel, method))) is TryLater


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize("kept", [None, 0, 9])
def test_answer_lost_after_acting_is_unknown(
    server: XServer, ada: XChannel, method: str, kept: int | None
) -> None:
    """Not a byte of the answer, its head alone, half of its body."""
    ada.verify()
    client._ids[f"{server.url} 1 ada"] = "1001"
    fail_acts(server, kept=kept)
    assert type(caught(lambda: perform(ada, method))) is Unknown
    took = {"publish": server.posts, "reply": server.posts, "message": server.messages}
    if method in took:
        assert len(took[method]) == 1  # sent once, and not again


@pytest.mark.parametrize("kept", [None, 0, 9])
def test_answer_lost_to_a_read_is_tried_later(server: XServer, ada: XChannel, kept: int | None) -> None:
    server.fault("/2/users/me", kept=kept)
    assert type(caught(ada.verify)) is TryLater


def test_silence_ends_within_the_deadline(
    server: XServer, ada: XChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUDGET_SECONDS", 1.0)
    monkeypatch.setattr(client, "ACT_SECONDS", 0.1)
    server.fault("/2/.*", seconds=20)
    began = time.monotonic()
    assert type(caught(lambda: perform(ada, "publish"))) is Unknown
    assert type(caught(ada.verify)) is TryLater
    assert time.monotonic() - began < 4


def test_act_is_not_begun_when_its_time_is_spent(
    server: XServer, ada: XChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUDGET_SECONDS", 2.0)
    assert type(caught(lambda: perform(ada, "publish"))) is TryLater
    assert server.requests == []


def test_secret_that_x_repeats_is_blotted_out(server: XServer, ada: XChannel) -> None:
    fail_acts(server, reply=problem(400, "Bad token ada-token here"))
    assert "ada-token" not in str(caught(lambda: perform(ada, "publish")))


@pytest.mark.parametrize("token", ["", "  ", "two\nlines", "ünicode"])
def test_token_that_is_none_is_not_sent(server: XServer, token: str) -> None:
    channel = XChannel(login(server, "ada", access_token=token))
    assert type(caught(channel.verify)) is AuthFailed
    assert server.requests == []
