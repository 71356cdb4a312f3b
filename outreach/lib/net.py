"""Going out over HTTP: never into a private network by accident, never longer than a deadline.

An address is checked where the connection is made, against what the name resolves to at that moment, so
neither a redirect nor a name that changes its mind leads inside. Hosts in the setting
``ALLOWED_PRIVATE_HOSTS`` are exempt.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings

MAX_CONNECTIONS = 100  # per server and process: more than threads, so that none waits for a free one
IDLE_SECONDS = 30.0  # an idle connection is closed by us before most servers close it under us

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ends_at: ContextVar[float] = ContextVar("net_deadline", default=math.inf)


class ForbiddenAddress(Exception):
    """The address leads into a private network, or is none. The message names the host and what to do."""


# --- Which addresses ---------------------------------------------------------------------------------------
def check_address(url: str) -> list[str]:
    """The IP addresses behind ``url``; raises :class:`ForbiddenAddress` unless every one of them is public.

    Raises :class:`OSError` when the name cannot be resolved. Connect to one of the returned addresses, not
    to the name: it may resolve to something else next time. :func:`client` does so by itself.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ForbiddenAddress("This is not a web address. Write it like https://example.org/path.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ForbiddenAddress("Only http:// and https:// addresses with a host can be opened.")
    return resolve(host, port or (443 if parts.scheme == "https" else 80))


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of ``host``, each of them public unless the host is allow-listed."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not _is_allowed(host) and not all(is_public(address) for address in addresses):
        raise ForbiddenAddress(
            f"{host} leads into a private network and is not opened. If that is meant, "
            "add the host to ALLOWED_PRIVATE_HOSTS (never in production)."
        )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; looks through IPv4 wrapped in IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None:
            return is_public(str(ip.sixtofour))
        if ip.teredo is not None or int(ip) < 2**32:  # IPv4-compatible addresses and ::, ::1
            return False
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _is_allowed(host: str) -> bool:
    plain = host.strip("[]").rstrip(".").casefold()
    return plain in {allowed.casefold() for allowed in settings.ALLOWED_PRIVATE_HOSTS}


# --- How long ----------------------------------------------------------------------------------------------
@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Nothing that :func:`client` does inside takes longer than ``seconds`` in all, however slowly bytes
    trickle.

    What does not fit ends as ``httpx.ConnectTimeout``, ``WriteTimeout`` or ``ReadTimeout``. Deadlines nest;
    the earliest counts. Looking up a name is the one thing that cannot be cut short.
    """
    with until(time.monotonic() + seconds):
        yield


@contextlib.contextmanager
def until(moment: float) -> Iterator[None]:
    """As :func:`deadline`, but ends at a moment of ``time.monotonic()`` that was fixed before.

    So a process that was stopped in between, wherever that was, no longer sends: every write looks at it first.
    """
    mark = _ends_at.set(min(_ends_at.get(), moment))
    try:
        yield
    finally:
        _ends_at.reset(mark)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise error("the deadline has passed")
    return timeout if left == math.inf else min(left, left if timeout is None else timeout)


# --- The transport -----------------------------------------------------------------------------------------
class _Stream(httpcore.NetworkStream):
    """A connection that heeds the deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only: resolved once, then connected by number."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error.strerror or error}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._backend.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream)
        raise failure

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise ForbiddenAddress("Sockets of this machine are not opened.")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Body(httpx.SyncByteStream):
    """An answer's body, with httpcore's errors told as httpx's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        with _as_httpx():
            self._stream.close()


class CheckedTransport(httpx.BaseTransport):
    """An httpx transport that reaches public addresses and allow-listed hosts only; thread-safe, keeps
    connections.
    """

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    """httpx and httpcore call their errors alike; a caller of httpx expects httpx's."""
    try:
        yield
    except tuple(_ERRORS) as error:
        known = next(_ERRORS[kind] for kind in type(error).__mro__ if kind in _ERRORS)
        raise known(str(error)) from error


_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    getattr(httpcore, error.__name__): error
    for error in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.LocalProtocolError,
        httpx.NetworkError,
        httpx.PoolTimeout,
        httpx.ProtocolError,
        httpx.ProxyError,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.TimeoutException,
        httpx.UnsupportedProtocol,
        httpx.WriteError,
        httpx.WriteTimeout,
    )
}


# --- Clients -----------------------------------------------------------------------------------------------
def client(base_url: str = "", *, timeout: float = 10.0) -> httpx.Client:
    """A new HTTP client over a :class:`CheckedTransport`: no proxies, no redirects, no cookies from the
    environment.

    ``timeout`` is in seconds and for each phase; wrap calls in :func:`deadline` to limit the whole.
    """
    return httpx.Client(base_url=base_url, transport=CheckedTransport(), timeout=timeout, trust_env=False)


_shared: dict[str, httpx.Client] = {}
_making = threading.Lock()


def shared_client(base_url: str) -> httpx.Client:
    """This process's one client for a server, made on first use; any number of threads may use it, none
    closes it.
    """
    found = _shared.get(base_url)
    if found is None:
        with _making:
            found = _shared.get(base_url) or _shared.setdefault(base_url, client(base_url))
    return found


def _forget_parents_clients() -> None:
    """A forked child must not speak on its parent's connections, nor wait for a lock that died with a
    thread.
    """
    global _shared, _making
    _inherited.append(_shared)  # kept, so that collecting them closes nothing the parent still uses
    _shared, _making = {}, threading.Lock()


_inherited: list[dict[str, httpx.Client]] = []
os.register_at_fork(after_in_child=_forget_parents_clients)
