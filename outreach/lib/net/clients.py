"""HTTP clients and sockets over the checked connections."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit

import httpx

from outreach.lib.net import proxies
from outreach.lib.net.deadlines import deadline
from outreach.lib.net.transport import Backend, CheckedTransport, as_httpx


def client(base_url: str = "", *, timeout: float = 10.0, proxy: str = "") -> httpx.Client:
    """A new HTTP client over a :class:`CheckedTransport`: no redirects; no proxies and cookies from the environment.

    ``timeout`` is in seconds and for each phase; wrap calls in :func:`deadline` to limit the whole. ``proxy`` is an
    account's own, see :func:`outreach.lib.net.proxies.parse`; there is never a way around it.
    """
    transport = CheckedTransport(proxy)
    return httpx.Client(base_url=base_url, transport=transport, timeout=timeout, trust_env=False)


_shared: dict[tuple[str, str], httpx.Client] = {}
_making = threading.Lock()


def shared_client(base_url: str, proxy: str = "") -> httpx.Client:
    """This process's one client for a server and proxy, made on first use; any number of threads may use it, none
    closes it.
    """
    key = (base_url, proxy)
    found = _shared.get(key)
    if found is None:
        with _making:
            found = _shared.get(key) or _shared.setdefault(key, client(base_url, proxy=proxy))
    return found


def connect(host: str, port: int, *, timeout: float = 10.0, proxy: str = "") -> socket.socket:
    """A connected socket for clients that speak something other than HTTP (smtplib, imaplib), checked as all are.

    ``timeout`` in seconds holds for connecting and stays on the socket. Raises :class:`ForbiddenAddress`,
    :class:`ProxyFailed` and other ``httpx.ConnectError`` or ``ConnectTimeout``: nothing was sent to the target.
    """
    with as_httpx():
        stream = Backend(proxies.parse(proxy) if proxy else None).connect_tcp(host, port, timeout)
    found: socket.socket = stream.get_extra_info("socket")
    found.settimeout(timeout)
    return found


def try_proxy(proxy: str, target: str = "", *, timeout: float = 5.0) -> None:
    """Go through ``proxy`` to the host of the address ``target`` and come back; no byte is sent to that host.

    Without a target it is only seen whether somebody listens where the proxy should be. Raises :class:`ProxyFailed`,
    :class:`ForbiddenAddress` or another ``httpx.ConnectError`` within ``timeout`` seconds.
    """
    found, parts = proxies.parse(proxy), urlsplit(target)
    with deadline(timeout):
        if not parts.hostname:
            connect(found.host, found.port, timeout=timeout).close()
            return
        connect(
            parts.hostname,
            parts.port or (80 if parts.scheme == "http" else 443),
            timeout=timeout,
            proxy=proxy,
        ).close()


def _forget_parents_clients() -> None:
    """A forked child must not speak on its parent's connections, nor wait for a lock that died with a
    thread.
    """
    global _shared, _making
    _inherited.append(_shared)  # kept, so that collecting them closes nothing the parent still uses
    _shared, _making = {}, threading.Lock()


_inherited: list[dict[tuple[str, str], httpx.Client]] = []
os.register_at_fork(after_in_child=_forget_parents_clients)
