"""Signing in, and renewing a token that works once, by many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections

from accounts.models import Account, Credential
from automation.channels.base import AuthFailed, ChannelError, Secret, TryLater
from automation.channels.oauth import App
from automation.channels.x import oauth
from automation.channels.x.channel import XChannel
from automation.engine.logins import login_of
from tests.channels.contract import act
from tests.channels.loopback import Reply
from tests.channels.x.conftest import login
from tests.channels.x.server import XServer
from tests.factories import make_account

APP = App("client-1", "https://outreach.example.org/connect/x", "app-canary-77")


def expired(server: XServer, **more: Any) -> Secret:
    given = {
        "access_token": "stale",
        "refresh_token": "ada-refresh",
        "client_id": "client-1",
        "expires_at": time.time() + 60,
    }
    return {**given, **more}


def test_sign_in_ends_with_a_secret_that_works(server: XServer) -> None:
    begun = oauth.begin(APP)
    query = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert begun.url.startswith("https://x.com/i/oauth2/authorize?")
    assert (query["client_id"], query["redirect_uri"]) == (APP.client_id, APP.redirect_uri)
    assert {"offline.access", "dm.write", "tweet.write"} <= set(query["scope"].split())
    server.codes["the-code"] = query["code_challenge"]
    secret = oauth.finish(APP, begun.keep, {"code": "the-code", "state": query["state"]}, server=server.url)
    assert 7000 < secret["expires_at"] - time.time() <= 7200
    assert XChannel(replace(login(server, "ada"), secret=secret)).verify().handle == "ada"
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert "app-canary-77" not in repr(APP) + repr(begun)


@pytest.mark.parametrize(
    "answer",
    [{"code": "c", "state": "forged"}, {"code": "c"}, {"error": "access_denied", "state": "right"}, {}],
)
def test_return_that_is_forged_or_a_no_is_refused(server: XServer, answer: dict[str, str]) -> None:
    with pytest.raises(AuthFailed, match="Begin again"):
        oauth.finish(APP, {"state": "right", "verifier": "v"}, answer, server=server.url)
    with pytest.raises(AuthFailed):
        oauth.finish(APP, {}, {"code": "c", "state": ""}, server=server.url)
    assert server.requests == []


def test_code_of_another_sign_in_is_refused(server: XServer) -> None:
    begun = oauth.begin(APP)
    server.codes["the-code"] = "another challenge"
    with pytest.raises(AuthFailed, match="token was invalid"):
        oauth.finish(APP, begun.keep, {"code": "the-code", "state": begun.keep["state"]}, server=server.url)


def test_public_app_names_itself_in_the_form(server: XServer) -> None:
    found = oauth.refresh(expired(server), server=server.url)
    assert (found["access_token"] != "stale", found["refresh_token"] != "ada-refresh") == (True, True)
    assert server.requests[0].form["client_id"] == "client-1"
    assert server.requests[0].headers["Authorization"] is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (
            Reply(400, {"error": "invalid_request", "error_description": "ada-refresh was invalid."}),
            AuthFailed,
        ),
        (Reply(401, {"error": "unauthorized_client"}), AuthFailed),
        (Reply(429, {}, {"retry-after": "9"}), TryLater),
        (Reply(503, b""), TryLater),
        (Reply(200, b"{"), TryLater),
        (Reply(200, {}), TryLater),
        (Reply(200, []), TryLater),
    ],
)
def test_refusals_of_the_token_endpoint(server: XServer, reply: Reply, error: type[Exception]) -> None:
    server.fault("/2/oauth2/token", reply=reply)
    with pytest.raises(error) as caught:
        oauth.refresh(expired(server), server=server.url)
    assert "ada-refresh" not in str(caught.value)
    assert caught.value.__context__ is None


def test_aging_token_is_renewed_before_the_call(server: XServer) -> None:
    channel = XChannel(login(server, "ada", **expired(server)))
    channel.publish(act("post", text="Hello"))
    assert (server.refreshes, len(server.posts)) == (1, 1)
    assert server.count("POST", "/2/tweets") == 1


def test_token_refused_too_early_is_renewed_and_the_act_done_once(server: XServer) -> None:
    channel = XChannel(login(server, "ada", **expired(server, expires_at=time.time() + 7000)))
    channel.publish(act("post", text="Hello"))
    assert (server.refreshes, len(server.posts)) == (1, 1)


def test_token_nobody_can_renew_needs_a_person(server: XServer) -> None:
    for secret in ({"refresh_token": ""}, {"client_id": ""}):
        channel = XChannel(login(server, "ada", **expired(server, expires_at=time.time() + 7000, **secret)))
        with pytest.raises(AuthFailed):
            channel.publish(act("post", text="Hello"))
    assert server.posts == {}


def test_renewal_is_not_begun_in_a_hurry(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.channels.x.client.BUDGET_SECONDS", 4.0)
    with pytest.raises(TryLater):
        XChannel(login(server, "ada", **expired(server))).verify()
    assert server.requests == []


@pytest.fixture
def account(server: XServer, transactional_db: None) -> Account:
    return make_account(
        network="x", handle="ada", server=server.url, remote_id="1001", secret=expired(server)
    )


@pytest.fixture
def at_once() -> Callable[[Callable[[], object]], list[object]]:
    """Runs something in 8 threads that begin together; what each returned or raised."""

    def run(call: Callable[[], object]) -> list[object]:
        gate = threading.Barrier(8)

        def one() -> object:
            gate.wait()
            try:
                return call()
            except ChannelError as error:
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            return [job.result() for job in [pool.submit(one) for _ in range(8)]]

    return run


def test_eight_workers_renew_once_and_all_go_on(
    server: XServer, account: Account, at_once: Callable[[Callable[[], object]], list[object]]
) -> None:
    def verify() -> str:
        stored = Account.objects.select_related("credential").get(pk=account.pk)
        return XChannel(login_of(stored)).verify().handle

    assert at_once(verify) == ["ada"] * 8
    assert server.refreshes == 1
    kept = Credential.objects.get(pk=account.pk).secret
    assert kept["refresh_token"] in server.refresh_tokens
    assert kept["client_id"] == "client-1"


def test_refused_renewal_keeps_the_stored_secret(server: XServer, account: Account) -> None:
    server.fault("/2/oauth2/token", reply=Reply(503, b""))
    stored = Account.objects.select_related("credential").get(pk=account.pk)
    with pytest.raises(TryLater):
        XChannel(login_of(stored)).verify()
    assert Credential.objects.get(pk=account.pk).secret["refresh_token"] == "ada-refresh"
