"""An account's own proxy: one, fixed, tried before it is kept. There is no rotation and no way around it."""

from __future__ import annotations

import httpx
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from accounts.services.status import lock, set_status
from outreach.lib import events, net, networks
from outreach.lib.net import proxies


def set_proxy(*, account: Account, url: str, by: object) -> Account:
    """From now on the account goes out through ``url`` only; an empty one removes the proxy.

    It is tried first (5 s at most): raises :class:`ValidationError` and changes nothing when it does not lead to the
    account's server. An account in error becomes pending, to be verified through it. Emits ``account.changed``.
    """
    found = working_proxy(account.network, account.server, url) if url.strip() else None
    with transaction.atomic():
        lock(account)
        write_proxy(account, found)
        if account.status == AccountStatus.ERROR:
            set_status(account, AccountStatus.PENDING, by=by)
        events.emit("account.changed", model="Account", ids=[account.pk], by=by, fields=["proxy"])
    return account


def write_proxy(account: Account, proxy: proxies.Proxy | None) -> None:
    """Keep the proxy, its address for people and the whole of it encrypted, in the caller's transaction."""
    kept = Credential.objects.filter(account=account).update(proxy=proxy.url if proxy else None)
    if proxy and not kept:
        raise ValidationError(
            {"proxy": "Give the account its credentials first: the proxy is kept with them."}
        )
    account.proxy_address = str(proxy) if proxy else ""
    account.save(update_fields=["proxy_address", "updated_at"])


def test_proxy(account: Account) -> None:
    """Try the account's proxy now; raises :class:`ValidationError` with what is wrong. Changes nothing."""
    url = proxy_of(account)
    if not url:
        raise ValidationError({"proxy": f"{account} has no proxy."})
    working_proxy(account.network, account.server, url)


def proxy_of(account: Account) -> str:
    """The whole address of the account's proxy, password included; empty: it has none.

    Raises :class:`LookupError` when it should have one that is not known (its credential was deleted): it must not go
    out without.
    """
    credential = getattr(account, "credential", None)
    url = (credential.proxy or "") if credential else ""
    if bool(url) != bool(account.proxy_address):
        raise LookupError("The address of the account's proxy is not known any more. Set its proxy again.")
    return url


def working_proxy(network: str, server: str, url: str) -> proxies.Proxy:
    """The proxy of ``url``, after a connection through it to the account's server (5 s at most, nothing is sent there).

    Where no server is known, reaching the proxy itself must do. Refusals repeat no password.
    """
    try:
        found = proxies.parse(url)
        net.try_proxy(found.url, server or networks.get(network).address)
    except (ValueError, net.ForbiddenAddress) as error:
        raise ValidationError({"proxy": str(error)})
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ValidationError({"proxy": f"{error} Nothing was changed."})
    return found
