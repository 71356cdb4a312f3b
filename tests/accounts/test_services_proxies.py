"""An account's proxy: tried before it is kept, kept encrypted, never gone around."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import services
from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from monitoring.checks import keys
from outreach.lib import networks
from tests.factories import make_account
from tests.loopback_proxy import LoopbackProxy

pytestmark = pytest.mark.django_db
CANARY = "canary-proxy-4d1"


@pytest.fixture
def server() -> Iterator[str]:
    """Somebody who listens, and whom nobody tells anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def proxy() -> Iterator[LoopbackProxy]:
    found = LoopbackProxy("socks5", "ada", CANARY).start()
    yield found
    found.stop()


def test_proxy_that_works_is_kept_encrypted(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    services.set_proxy(account=account, url=f" {proxy.url} ", by="ann")
    assert proxy.targets == [("127.0.0.1", int(server.rpartition(":")[2]))]
    stored = Account.objects.select_related("credential").get(pk=account.pk)
    assert stored.proxy_address == f"socks5://127.0.0.1:{proxy.port}"
    assert services.proxy_of(stored) == proxy.url
    with connection.cursor() as cursor:
        cursor.execute("SELECT proxy FROM accounts_credential WHERE account_id = %s", [account.pk])
        assert CANARY not in cursor.fetchone()[0]


def test_new_credentials_leave_the_proxy(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    services.set_credentials(account=account, secret={"token": "new"}, by="ann")
    stored = Account.objects.get(pk=account.pk)
    assert (services.proxy_of(stored), stored.credential.secret) == (proxy.url, {"token": "new"})


def test_proxy_is_removed_without_being_asked(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    proxy.stop()
    services.set_proxy(account=account, url="", by="ann")
    stored = Account.objects.get(pk=account.pk)
    assert (stored.proxy_address, services.proxy_of(stored)) == ("", "")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://x:1", "begins with http:// or socks5://"),
        ("socks5://127.0.0.1:1", "cannot be reached"),
        (f"socks5://ada:{CANARY}x@127.0.0.1:{{port}}", "refuses the user name and password"),
    ],
)
def test_proxy_that_does_not_work_is_refused_and_changes_nothing(
    server: str, proxy: LoopbackProxy, url: str, words: str
) -> None:
    account = make_account(server=server)
    with pytest.raises(ValidationError, match=words) as refusal:
        services.set_proxy(account=account, url=url.format(port=proxy.port), by="ann")
    assert CANARY not in str(refusal.value)
    assert Account.objects.get(pk=account.pk).proxy_address == ""
    assert Credential.objects.get(pk=account.pk).proxy is None


def test_proxy_inside_is_refused_where_nothing_is_allow_listed(
    settings: Any, server: str, proxy: LoopbackProxy
) -> None:
    account = make_account(server="https://1.1.1.1")
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(ValidationError, match="private network"):
        services.set_proxy(account=account, url=proxy.url, by="ann")
    assert proxy.targets == []


def test_network_with_one_server_is_reached_at_its_address(
    monkeypatch: pytest.MonkeyPatch, server: str, proxy: LoopbackProxy
) -> None:
    known = networks.get("sandbox")
    there = networks.Network(
        "sandbox", "Sandbox", known.credential_fields, capabilities=known.capabilities, address=server
    )
    monkeypatch.setitem(networks._known, "sandbox", there)
    services.set_proxy(account=make_account(server=""), url=proxy.url, by="ann")
    assert len(proxy.targets) == 1


def test_account_in_error_is_verified_again_through_its_new_proxy(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server, status=AccountStatus.ERROR)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    assert Account.objects.get(pk=account.pk).status == AccountStatus.PENDING


def test_new_account_comes_with_its_proxy_or_not_at_all(server: str, proxy: LoopbackProxy) -> None:
    given: dict[str, Any] = {
        "network": "sandbox",
        "handle": "new",
        "server": server,
        "secret": {"token": "t"},
        "by": "ann",
    }
    with pytest.raises(ValidationError, match="cannot be reached"):
        services.create_account(**given, proxy="http://127.0.0.1:1")
    assert not Account.objects.exists()
    account = services.create_account(**given, proxy=proxy.url)
    assert services.proxy_of(Account.objects.get(pk=account.pk)) == proxy.url


def test_test_tells_when_the_proxy_stopped_working(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    with pytest.raises(ValidationError, match="has no proxy"):
        services.test_proxy(account)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    account = Account.objects.get(pk=account.pk)
    services.test_proxy(account)
    proxy.stop()
    with pytest.raises(ValidationError, match="cannot be reached"):
        services.test_proxy(account)


def test_account_whose_proxy_is_lost_does_not_go_out_directly(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    Credential.objects.filter(pk=account.pk).delete()
    with pytest.raises(LookupError, match="Set its proxy again"):
        services.proxy_of(Account.objects.get(pk=account.pk))


def test_proxy_needs_credentials_to_be_kept_with(server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    Credential.objects.filter(pk=account.pk).delete()
    with pytest.raises(ValidationError, match="credentials first"):
        services.set_proxy(account=account, url=proxy.url, by="ann")
    assert Account.objects.get(pk=account.pk).proxy_address == ""


def test_doctor_looks_at_the_proxys_key_too(settings: Any, server: str, proxy: LoopbackProxy) -> None:
    account = make_account(server=server)
    services.set_proxy(account=account, url=proxy.url, by="ann")
    assert list(keys.look(account.created_at)) == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_credential SET proxy = 'gAAAA' WHERE account_id = %s", [account.pk])
    assert "credentials of 1 accounts" in str(list(keys.look(account.created_at)))
