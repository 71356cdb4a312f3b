"""Every channel goes out through its account's proxy, and never around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from accounts import services
from accounts.models import Account, Credential
from automation.channels import registry
from automation.channels.base import AuthFailed, Login, TryLater
from automation.engine.logins import login_of
from tests.channels.instagram.server import GraphServer
from tests.channels.loopback import Loopback, Reply, Request
from tests.channels.x.server import XServer
from tests.factories import make_account
from tests.loopback_proxy import LoopbackProxy

CANARY = "canary-proxy-8f"


class Small(Loopback):
    """Who we are, to Mastodon and to the sandbox."""

    def answer(self, request: Request) -> Reply:
        me = {
            "id": "1",
            "acct": "ada",
            "username": "ada",
            "display_name": "Ada",
            "name": "Ada",
            "handle": "ada",
        }
        return Reply(200, {**me, "domain": "ada.example", "uri": "ada.example"})


SERVERS: dict[str, tuple[Callable[[], Loopback], dict[str, str]]] = {
    "x": (XServer, {"access_token": "ada-token"}),
    "instagram": (GraphServer, {"access_token": "roast-token"}),
    "mastodon": (Small, {"token": "t"}),
    "sandbox": (Small, {"token": "t"}),
}


@pytest.fixture(params=SERVERS)
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[str, Loopback, Login]]:
    make, secret = SERVERS[request.param]
    server = make()
    yield request.param, server, Login(7, "ada", server.url, secret=dict(secret))
    server.stop()


@pytest.fixture
def proxy() -> Iterator[LoopbackProxy]:
    found = LoopbackProxy("http", "ada", CANARY).start()
    yield found
    found.stop()


def test_channel_goes_through_the_proxy(stage: tuple[str, Loopback, Login], proxy: LoopbackProxy) -> None:
    network, server, login = stage
    registry.open_channel(network, replace(login, proxy=proxy.url)).verify()
    assert proxy.targets == [("127.0.0.1", int(server.url.rpartition(":")[2]))]
    assert len(server.requests) >= 1
    assert CANARY not in "".join(str(request.headers) for request in server.requests)


def test_proxy_that_is_away_means_not_sent(stage: tuple[str, Loopback, Login], proxy: LoopbackProxy) -> None:
    network, server, login = stage
    proxy.stop()
    with pytest.raises(TryLater, match=r"proxy http://127\.0\.0\.1:\d+ cannot be reached") as caught:
        registry.open_channel(network, replace(login, proxy=proxy.url)).verify()
    assert CANARY not in str(caught.value)
    assert server.requests == []


def test_proxy_that_refuses_us_needs_a_person(
    stage: tuple[str, Loopback, Login], proxy: LoopbackProxy
) -> None:
    network, server, login = stage
    wrong = proxy.url.replace(CANARY, "wrong")
    with pytest.raises(AuthFailed, match="refuses the user name and password"):
        registry.open_channel(network, replace(login, proxy=wrong)).verify()
    assert server.requests == []


@pytest.mark.parametrize("network", ["x", "instagram"])
def test_loopback_is_reached_by_the_allow_list_only(network: str, settings: Any) -> None:
    make, secret = SERVERS[network]
    server = make()
    login = Login(7, "ada", server.url, secret=dict(secret))
    registry.open_channel(network, login).verify()
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(AuthFailed):
        registry.open_channel(network, login).verify()
    assert len(server.requests) == 1
    server.stop()


def test_login_shows_no_proxy() -> None:
    assert CANARY not in repr(Login(1, "ada", proxy=f"http://ada:{CANARY}@proxy.example:80"))


@pytest.mark.django_db
def test_engine_signs_in_with_the_accounts_proxy(proxy: LoopbackProxy) -> None:
    account = make_account(server=f"http://127.0.0.1:{proxy.port}")
    services.set_proxy(account=account, url=proxy.url, by="ann")
    stored = Account.objects.select_related("credential").get(pk=account.pk)
    assert login_of(stored).proxy == proxy.url
    Credential.objects.filter(pk=account.pk).update(proxy=None)
    with pytest.raises(AuthFailed, match="Set its proxy again"):
        login_of(Account.objects.select_related("credential").get(pk=account.pk))
