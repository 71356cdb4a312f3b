"""Signing in with a server that is not ours, as a person does in the browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from automation.channels import registry
from automation.channels.base import AuthFailed, ChannelError, Login, TryLater
from automation.channels.mastodon import oauth
from automation.channels.mastodon.channel import MastodonChannel
from automation.channels.oauth import App
from tests.channels.mastodon.conftest import MockServer, free_port

pytestmark = pytest.mark.peers
APP = App(client_id="", redirect_uri="http://127.0.0.1:8000/admin/back/")


def say_yes(url: str, username: str) -> dict[str, str]:
    """What the server sends a person back with who chooses ``username`` on its page."""
    page = httpx.get(url)
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    answer = httpx.post(url.split("?")[0], data={**hidden, "username": username})
    assert answer.status_code == 302
    return {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def test_network_offers_to_sign_in() -> None:
    assert registry.oauth_of("mastodon") is not None


def test_person_signs_in_and_the_account_is_theirs(server: MockServer) -> None:
    begun = oauth.begin(APP, server=server.url)
    query = parse_qs(urlsplit(begun.url).query)
    assert query["redirect_uri"] == [APP.redirect_uri]
    assert query["code_challenge_method"] == ["S256"]
    answer = {**say_yes(begun.url, "grace"), "state": begun.keep["state"]}
    secret = oauth.finish(APP, begun.keep, answer, server=server.url)
    assert set(secret) == {"token", "client_id", "client_secret"}
    channel = MastodonChannel(Login(1, "", server.url, secret=secret))
    assert channel.verify().handle == "grace"


def test_app_that_is_known_is_not_registered_again(server: MockServer) -> None:
    known = App("our-id", APP.redirect_uri, "our-secret")
    begun = oauth.begin(known, server="http://127.0.0.1:1")  # nothing is asked of the server
    assert parse_qs(urlsplit(begun.url).query)["client_id"] == ["our-id"]
    assert begun.keep["client_secret"] == "our-secret"


def test_nothing_secret_is_shown(server: MockServer) -> None:
    begun = oauth.begin(APP, server=server.url)
    assert begun.keep["client_secret"] not in repr(begun)
    assert begun.keep["verifier"] not in repr(begun)
    assert begun.keep["verifier"] not in begun.url


@pytest.mark.parametrize(
    "answer", [{}, {"state": "forged", "code": "x"}, {"state": "{state}", "error": "access_denied"}]
)
def test_return_that_is_none_is_refused(server: MockServer, answer: dict[str, str]) -> None:
    begun = oauth.begin(APP, server=server.url)
    given = {name: value.format(**begun.keep) for name, value in answer.items()}
    with pytest.raises(AuthFailed):
        oauth.finish(APP, begun.keep, given, server=server.url)


def test_code_the_server_does_not_take_is_refused_without_telling_it(server: MockServer) -> None:
    begun = oauth.begin(APP, server=server.url)
    answer = {"state": begun.keep["state"], "code": "canary-code"}
    with pytest.raises(ChannelError) as caught:
        oauth.finish(APP, begun.keep, answer, server=server.url)
    assert isinstance(caught.value, AuthFailed)
    assert "canary-code" not in f"{caught.value} {caught.value.__context__!r}"


def test_server_that_is_not_there_is_tried_later() -> None:
    with pytest.raises(TryLater):
        oauth.begin(APP, server=f"http://127.0.0.1:{free_port()}")


def test_server_in_a_private_network_is_not_asked(settings: object) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []  # type: ignore[attr-defined]
    with pytest.raises(AuthFailed, match="private network"):
        oauth.begin(APP, server="http://127.0.0.1:1")


def test_token_cannot_be_refreshed() -> None:
    with pytest.raises(AuthFailed):
        oauth.refresh({"token": "t"}, server="http://127.0.0.1:1")
