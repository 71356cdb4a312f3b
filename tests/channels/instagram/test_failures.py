"""Every way a call can fail, and that only Unknown leaves open whether an act took place."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.instagram import client, oauth
from automation.channels.instagram.channel import InstagramChannel
from automation.channels.oauth import App
from tests.channels.contract import act
from tests.channels.instagram.conftest import login
from tests.channels.instagram.server import GraphServer
from tests.channels.instagram.shapes import problem
from tests.channels.loopback import Reply

ACTS = ["publish", "reply", "message"]
PATHS = r"/v24.0/(me/media_publish|me/messages|\d+/replies)"
APP = App("1234", "https://outreach.example.org/connect/instagram", "app-canary-78")


def perform(channel: InstagramChannel, server: GraphServer, method: str) -> object:
    """Any of the acts, upon guest and a comment of theirs."""
    server.write(server.guest, server.roast, "Hello")
    comment = server.comment(server.add_media(server.roast, "Beans"), server.guest, "Which?")
    kinds = {"publish": "post", "message": "dm"}
    wanted = act(
        kinds.get(method, method), handle="guest.of_honour", remote_id=server.guest.user_id, text="Hello",
        post_id=comment.id, link="https://example.org/a.jpg" if method == "publish" else "",
    )  # fmt: skip
    call: Callable[..., object] = getattr(channel, method)
    return call(wanted)


def caught(call: Callable[[], object]) -> ChannelError:
    with pytest.raises(ChannelError) as found:
        call()
    assert found.value.__context__ is None or isinstance(found.value.__context__, ChannelError)
    return found.value


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(190, "Session has expired", error_subcode=463), AuthFailed),
        (problem(102, "Session key invalid"), AuthFailed),
        (problem(4, "Application request limit reached"), TryLater),
        (problem(17, "User request limit reached"), TryLater),
        (problem(32, "Page request limit reached"), TryLater),
        (problem(613, "Calls to this api have exceeded the rate limit."), TryLater),
        (problem(80002, "Too many calls to this Instagram account"), TryLater),
        (problem(9, "The user reached its publishing limit", error_subcode=2207042), TryLater),
        (problem(368, "The action attempted has been deemed abusive"), TryLater),
        (problem(1, "An unknown error occurred", 500), Unknown),
        (problem(2, "Service temporarily unavailable", is_transient=True), Unknown),
        (problem(10, "Application does not have permission", 403), Refused),
        (problem(10, "Outside of allowed window", error_subcode=2534022), Refused),
        (problem(200, "Permissions error", 403), Refused),
        (problem(100, "Invalid parameter"), Refused),
        (problem(100, "Does not exist", error_subcode=33), NotFound),
        (problem(36003, "The aspect ratio is not supported"), Refused),
        (problem(551, "This person isn't available right now"), Refused),
        (Reply(500, b"<html>"), Unknown),
        (Reply(503, {}), Unknown),
        (Reply(429, b""), TryLater),
        (Reply(401, b""), AuthFailed),
        (Reply(404, b""), NotFound),
        (Reply(400, {"error": "odd"}), Refused),
        (Reply(408, b""), Unknown),
        (Reply(302, b"", {"Location": "https://elsewhere.example"}), AuthFailed),
        (Reply(200, b"{"), Unknown),
        (Reply(200, []), Unknown),
        (Reply(200, {}), Unknown),
        (Reply(200, {"id": True}), Unknown),
        (Reply(200, {"error": {"code": 2, "message": "x"}}), Unknown),
        (Reply(200, b"[" * 100_000), Unknown),
    ],
)  # fmt: skip
def test_answers_to_every_act(
    server: GraphServer, roast: InstagramChannel, method: str, reply: Reply, error: type[ChannelError]
) -> None:
    server.fault(PATHS, method="POST", reply=reply)
    before = len(server.media)
    assert type(caught(lambda: perform(roast, server, method))) is error
    assert len(server.media) == before + 1  # the one that was there to comment on


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(190), AuthFailed),
        (problem(4), TryLater),
        (problem(2), TryLater),
        (problem(100), Refused),
        (Reply(500, b""), TryLater),
        (Reply(200, b"half"), TryLater),
        (Reply(200, {}), TryLater),
    ],
)
def test_answers_to_reads(
    server: GraphServer, roast: InstagramChannel, reply: Reply, error: type[ChannelError]
) -> None:
    server.fault("/v24.0/me", reply=reply)
    assert type(caught(roast.verify)) is error


USAGE = {"call_count": 100, "total_cputime": 5, "total_time": 9, "type": "instagram"}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X-Business-Use-Case-Usage": json.dumps({"1": [{**USAGE, "estimated_time_to_regain_access": 19}]})}, 1140),
        (
            {"X-Business-Use-Case-Usage": json.dumps(
                {"1": [{**USAGE, "estimated_time_to_regain_access": 3}], "2": [{"estimated_time_to_regain_access": 7}]}
            )},
            420,
        ),
        ({"X-App-Usage": json.dumps({"call_count": 100, "total_time": 25, "total_cputime": 25})}, 3600),
        ({"Retry-After": "33"}, 33),
        ({"X-Business-Use-Case-Usage": "{broken"}, 3600),
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 0}]}'}, 3600),
        ({}, 3600),
    ],
)  # fmt: skip
def test_slow_down_says_for_how_long(
    server: GraphServer, roast: InstagramChannel, headers: dict[str, str], wait: float
) -> None:
    server.fault("/v24.0/me", reply=Reply(400, problem(4).body, headers))
    found = caught(roast.verify)
    assert isinstance(found, TryLater)
    assert (found.rate_limited, found.retry_after) == (True, wait)


@pytest.mark.parametrize("method", ["reply", "message"])
@pytest.mark.parametrize("kept", [None, 0, 9])
def test_answer_lost_after_acting_is_unknown(
    server: GraphServer, roast: InstagramChannel, method: str, kept: int | None
) -> None:
    server.fault(PATHS, method="POST", kept=kept)
    assert type(caught(lambda: perform(roast, server, method))) is Unknown
    assert server.count("POST", PATHS) == 1


@pytest.mark.parametrize("kept", [None, 0, 9])
def test_answer_lost_before_publishing_promises_that_nothing_was_sent(
    server: GraphServer, roast: InstagramChannel, kept: int | None
) -> None:
    server.fault("/v24.0/me/media", method="POST", kept=kept)
    assert type(caught(lambda: perform(roast, server, "publish"))) is TryLater
    assert server.count("POST", "/v24.0/me/media_publish") == 0


@pytest.mark.parametrize("method", ACTS)
def test_nobody_listening_means_not_sent(server: GraphServer, method: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert type(caught(lambda: perform(InstagramChannel(login(server)), server, method))) is TryLater


def test_silence_ends_within_the_deadline(
    server: GraphServer, roast: InstagramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUDGET_SECONDS", 1.0)
    monkeypatch.setattr(client, "ACT_SECONDS", 0.1)
    server.fault("/v24.0/.*", seconds=20)
    began = time.monotonic()
    assert type(caught(lambda: perform(roast, server, "message"))) is Unknown
    assert type(caught(roast.verify)) is TryLater
    assert time.monotonic() - began < 4


def test_act_is_not_begun_when_its_time_is_spent(
    server: GraphServer, roast: InstagramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUDGET_SECONDS", 2.0)
    assert type(caught(lambda: perform(roast, server, "message"))) is TryLater
    assert server.count("POST", PATHS) == 0


def test_secret_that_instagram_repeats_is_blotted_out(server: GraphServer, roast: InstagramChannel) -> None:
    server.fault("/v24.0/me", reply=problem(100, "Bad token roast-token"))
    assert "roast-token" not in str(caught(roast.verify))


def test_address_inside_is_not_called(server: GraphServer, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(AuthFailed):
        InstagramChannel(login(server))
    assert server.requests == []


# --- Tokens ----------------------------------------------------------------------------------------------------------
def test_sign_in_ends_with_a_token_of_sixty_days(server: GraphServer) -> None:
    begun = oauth.begin(APP)
    assert begun.url.startswith("https://www.instagram.com/oauth/authorize?client_id=1234&")
    assert "app-canary-78" not in begun.url + repr(begun)
    server.codes.add("the-code")
    secret = oauth.finish(
        APP, begun.keep, {"code": "the-code#_", "state": begun.keep["state"]}, server=server.url
    )
    assert secret["expires_at"] > time.time() + 59 * 86_400
    assert InstagramChannel(login(server, **secret)).verify().handle == "roast"


def test_return_that_is_forged_or_a_no_is_refused(server: GraphServer) -> None:
    for answer in ({"code": "c", "state": "forged"}, {"error": "access_denied", "state": "right"}):
        with pytest.raises(AuthFailed, match="Begin again"):
            oauth.finish(APP, {"state": "right"}, answer, server=server.url)
    with pytest.raises(AuthFailed, match="Connect the account again"):
        oauth.finish(APP, {"state": "s"}, {"code": "wrong", "state": "s"}, server=server.url)


def test_token_is_renewed_ten_days_before_its_end(server: GraphServer) -> None:
    channel = InstagramChannel(login(server, expires_at=time.time() + 9 * 86_400))
    assert channel.verify().handle == "roast"
    assert server.refreshes == 1
    InstagramChannel(login(server, expires_at=time.time() + 20 * 86_400)).verify()
    assert server.refreshes == 1


def test_token_that_cannot_be_renewed_now_is_used_on_and_asked_for_hourly(server: GraphServer) -> None:
    server.fault("/refresh_access_token", reply=problem(190, "too young"))
    channel = InstagramChannel(login(server, expires_at=time.time() + 9 * 86_400))
    for _ in range(3):
        assert channel.verify().handle == "roast"
    assert server.count("GET", "/refresh_access_token") == 1
