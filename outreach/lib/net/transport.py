"""Connections to checked addresses only, within the deadline, through an account's proxy if it has one."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import httpcore
import httpx

from outreach.lib import trust
from outreach.lib.net import addresses, proxies
from outreach.lib.net.deadlines import left_of

MAX_CONNECTIONS = 100  # per server and process: more than threads, so that none waits for a free one
IDLE_SECONDS = 30.0  # an idle connection is closed by us before most servers close it under us


class ProxyFailed(httpx.ConnectError):
    """The account's proxy did not lead us to the target: nothing was sent to it. The message is for people.

    ``denied`` means it refuses our user name and password, which no waiting mends.
    """

    def __init__(self, message: str, *, denied: bool = False) -> None:
        super().__init__(message)
        self.denied = denied


class _ProxyFailed(httpcore.ConnectError):
    """The same on httpcore's side."""

    def __init__(self, message: str, *, denied: bool = False) -> None:
        super().__init__(message)
        self.denied = denied


class _Stream(httpcore.NetworkStream):
    """A connection that heeds the deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, left_of(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, left_of(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = left_of(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only: resolved once, then connected by number, through ``proxy`` if any."""

    def __init__(self, proxy: proxies.Proxy | None = None) -> None:
        self._backend = httpcore.SyncBackend()
        self._proxy = proxy

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        numbers = _resolved(host, port)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in numbers:
            try:
                if self._proxy is None:
                    return self._dial([address], port, timeout, local_address, socket_options)
                return self._lead(self._proxy, address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                if getattr(error, "denied", False):
                    break
        raise failure

    def _dial(
        self, numbers: list[str], port: int, timeout: float | None, local: str | None, options: Any
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("There is no address.")
        for address in numbers:
            left = left_of(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(self._backend.connect_tcp(address, port, left, local, options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _lead(
        self, proxy: proxies.Proxy, address: str, port: int, timeout: float | None
    ) -> httpcore.NetworkStream:
        """A connection to ``address`` through the proxy; whatever fails, the target has heard nothing."""
        try:
            stream = self._dial(_resolved(proxy.host, proxy.port), proxy.port, timeout, None, None)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise _ProxyFailed(f"The proxy {proxy} cannot be reached.") from error
        try:
            proxies.lead(stream, proxy, address, port, timeout)
        except proxies.ProxyRefusal as error:
            stream.close()
            raise _ProxyFailed(f"The proxy {proxy} does not lead on: {error}.", denied=error.denied) from None
        except (httpcore.TimeoutException, httpcore.NetworkError) as error:
            stream.close()
            raise _ProxyFailed(f"The proxy {proxy} gave no answer.") from error
        return stream

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise addresses.ForbiddenAddress("Sockets of this machine are not opened.")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _resolved(host: str, port: int) -> list[str]:
    try:
        return addresses.resolve(host, port)
    except OSError as error:
        raise httpcore.ConnectError(f"{host} cannot be resolved: {error.strerror or error}") from error


class _Body(httpx.SyncByteStream):
    """An answer's body, with httpcore's errors told as httpx's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with as_httpx():
            yield from self._stream

    def close(self) -> None:
        with as_httpx():
            self._stream.close()


class CheckedTransport(httpx.BaseTransport):
    """An httpx transport that reaches public addresses and allow-listed hosts only, through ``proxy`` if one is given;
    thread-safe, keeps connections.
    """

    def __init__(self, proxy: str = "") -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Backend(proxies.parse(proxy) if proxy else None),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        with as_httpx():
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
def as_httpx() -> Iterator[None]:
    """httpx and httpcore call their errors alike; a caller of httpx expects httpx's."""
    try:
        yield
    except _ProxyFailed as error:
        raise ProxyFailed(str(error), denied=error.denied) from error
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


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for the process: it holds every certificate authority, and each account with a proxy has a transport."""
    return trust.also(httpx.create_ssl_context(trust_env=False))
