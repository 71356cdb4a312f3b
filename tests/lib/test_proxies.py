"""Going out through an account's proxy: led by number, never around it, never inside."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from outreach.lib import net
from outreach.lib.net import proxies
from tests.loopback_proxy import LoopbackProxy


@pytest.fixture(params=["http", "socks5"])
def proxy(request: pytest.FixtureRequest) -> Iterator[LoopbackProxy]:
    found = LoopbackProxy(request.param, "ada", "p@ss:w/rd").start()
    yield found
    found.stop()


def url_of(proxy: LoopbackProxy, password: str = "p@ss:w/rd") -> str:
    return proxies.Proxy(proxy.scheme, "127.0.0.1", proxy.port, "ada", password).url


def test_requests_go_through_the_proxy_by_number(
    proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    url, seen = server
    port = int(url.rpartition(":")[2])
    with net.client(f"http://localhost:{port}", proxy=url_of(proxy)) as client:
        assert client.get("/path").text == "ok"
    assert proxy.targets[-1] == ("127.0.0.1", port)
    assert seen[0].startswith(b"GET /path HTTP/1.1\r\n")
    assert b"p@ss" not in seen[0]


def test_sockets_go_through_the_proxy(proxy: LoopbackProxy, server: tuple[str, list[bytes]]) -> None:
    port = int(server[0].rpartition(":")[2])
    with net.connect("127.0.0.1", port, proxy=url_of(proxy), timeout=3) as line:
        assert line.gettimeout() == 3
        line.sendall(b"EHLO me\r\n")
        assert line.recv(15) == b"HTTP/1.1 200 OK"
    assert proxy.targets == [("127.0.0.1", port)]


def test_wrong_password_is_denied_and_the_target_hears_nothing(
    proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    with (
        net.client(server[0], proxy=url_of(proxy, "canary-91c")) as client,
        pytest.raises(net.ProxyFailed, match="refuses the user name and password") as caught,
    ):
        client.get("/")
    assert caught.value.denied
    assert "canary-91c" not in repr(caught.value) + repr(caught.value.__cause__)
    assert (proxy.targets, server[1]) == ([], [])


def test_missing_password_is_denied(proxy: LoopbackProxy, server: tuple[str, list[bytes]]) -> None:
    plain = f"{proxy.scheme}://127.0.0.1:{proxy.port}"
    with net.client(server[0], proxy=plain) as client, pytest.raises(net.ProxyFailed) as caught:
        client.get("/")
    assert caught.value.denied


def test_proxy_that_is_away_is_never_gone_around(server: tuple[str, list[bytes]]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        away = f"socks5://127.0.0.1:{listener.getsockname()[1]}"
        with (
            net.client(server[0], proxy=away) as client,
            pytest.raises(net.ProxyFailed, match="cannot be reached"),
        ):
            client.get("/")
    assert server[1] == []


def test_target_that_refuses_is_told_as_the_proxys_failure(proxy: LoopbackProxy) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = listener.getsockname()[1]
        with pytest.raises(net.ProxyFailed) as caught:
            net.try_proxy(url_of(proxy), f"http://127.0.0.1:{closed}")
    assert not caught.value.denied


@pytest.mark.parametrize(
    "answer", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 403 No\r\n\r\n", b"\x04\x00", b"x" * 20_000]
)
def test_what_is_no_proxy_is_told(
    proxy: LoopbackProxy, answer: bytes, server: tuple[str, list[bytes]]
) -> None:
    proxy.answer = answer
    with pytest.raises(net.ProxyFailed, match=rf"The proxy {proxy.scheme}://127.0.0.1:{proxy.port} "):
        net.try_proxy(url_of(proxy), server[0])
    assert server[1] == []


def test_silent_proxy_ends_at_the_deadline_as_not_sent(
    proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    proxy.silent = True
    began = time.monotonic()
    with pytest.raises(net.ProxyFailed, match="no answer"), net.deadline(0.5):
        net.shared_client(server[0], url_of(proxy)).post("/")
    assert time.monotonic() - began < 2


def test_target_inside_is_refused_before_the_proxy_is_asked(
    settings: Any, proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["127.0.0.1"]  # the proxy itself is allowed
    with net.client(proxy=url_of(proxy)) as client:
        for inside in ("http://localhost/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"):
            with pytest.raises(net.ForbiddenAddress):
                client.get(inside)
    assert proxy.targets == []


def test_proxy_inside_is_refused_at_connect(
    settings: Any, proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with net.client("http://1.1.1.1", proxy=url_of(proxy)) as client, pytest.raises(net.ForbiddenAddress):
        client.get("/")
    with pytest.raises(net.ForbiddenAddress):
        net.try_proxy(url_of(proxy), "https://1.1.1.1")
    assert proxy.targets == []


def test_shared_clients_are_apart_by_proxy(proxy: LoopbackProxy) -> None:
    direct = net.shared_client("http://127.0.0.1:9")
    led = net.shared_client("http://127.0.0.1:9", url_of(proxy))
    assert direct is not led
    assert led is net.shared_client("http://127.0.0.1:9", url_of(proxy))


def test_environment_cannot_add_a_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: LoopbackProxy, server: tuple[str, list[bytes]]
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with net.client(server[0], proxy=url_of(proxy)) as client:
        assert client.get("/").text == "ok"


@pytest.mark.parametrize(
    "wrong",
    [
        "", "proxy.example:3128", "ftp://proxy.example:21", "https://proxy.example:3128", "http://proxy.example", "socks5://:1080",
        "http://proxy.example:99999", "http://proxy.example:80/path", "http://proxy.example:80?x=1", "http://[::1:80",
        "http://proxy example:80", f"http://{'a' * 256}:x@proxy.example:80",
    ],
)  # fmt: skip
def test_what_is_no_proxys_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        proxies.parse(wrong)


def test_refusal_repeats_no_password() -> None:
    with pytest.raises(ValueError) as caught:
        proxies.parse("ftp://ada:canary-3a@proxy.example:21")
    assert "canary-3a" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.example:3128",
        "socks5://ada:p%40ss%3Aw%2Frd@proxy.example:1080",
        "http://ada@[2606:4700::1]:80",
    ],
)
def test_address_survives_being_parsed(url: str) -> None:
    found = proxies.parse(url)
    assert found.url == url
    assert "p@ss" not in f"{found} {found!r}"
    assert "ada" not in str(found)


def test_unreachable_proxy_is_a_connect_error_for_every_channel() -> None:
    """What channels take for "not sent"."""
    assert issubclass(net.ProxyFailed, httpx.ConnectError)
