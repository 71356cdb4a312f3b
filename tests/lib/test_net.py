"""Going out: never inside by accident, never past the deadline."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import httpx
import pytest

from outreach.lib import net


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%lo",
        "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not net.is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert net.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://10.1.2.3:8000/", "https://169.254.169.254/latest",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_are_refused(settings: Any, url: str) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(net.ForbiddenAddress, match="private network"):
        net.check_address(url)


@pytest.mark.parametrize(
    "url", ["", "ftp://example.org/", "file:///etc/passwd", "http://", "http://[::1", "//1.1.1.1/"]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(net.ForbiddenAddress):
        net.check_address(url)


def test_public_address_is_returned_to_connect_to() -> None:
    assert net.check_address("https://1.1.1.1/x") == ["1.1.1.1"]


def test_allowed_host_may_be_private_and_its_neighbour_not(settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["Localhost"]
    assert "127.0.0.1" in net.check_address("http://localhost/")
    with pytest.raises(net.ForbiddenAddress):
        net.check_address("http://127.0.0.1/")


def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolving("1.1.1.1", "10.0.0.1"))
    with pytest.raises(net.ForbiddenAddress):
        net.check_address("http://mixed.example/")


def _resolving(*addresses: str) -> Any:
    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_client_reaches_an_allowed_host_by_its_name(server: tuple[str, list[bytes]]) -> None:
    url, seen = server
    with net.client(url.replace("127.0.0.1", "localhost")) as client:
        assert client.get("/path?q=1").text == "ok"
    assert seen[0].startswith(b"GET /path?q=1 HTTP/1.1\r\n")
    assert b"Host: localhost:" in seen[0]


def test_client_refuses_at_connect_and_sends_nothing(settings: Any, server: tuple[str, list[bytes]]) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    url, seen = server
    with net.client() as client, pytest.raises(net.ForbiddenAddress):
        client.get(url)
    assert seen == []


def test_name_that_changes_its_mind_leads_nowhere(
    settings: Any, monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[bytes]]
) -> None:
    """Public when it is looked at, private when it is connected to: the connection itself is what is checked."""
    settings.ALLOWED_PRIVATE_HOSTS = []
    url, seen = server
    answers = iter([_resolving("1.1.1.1"), _resolving("127.0.0.1")])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: next(answers)(*args, **more))
    rebound = url.replace("127.0.0.1", "rebound.example")
    assert net.check_address(rebound) == ["1.1.1.1"]
    with net.client() as client, pytest.raises(net.ForbiddenAddress):
        client.get(rebound)
    assert seen == []


def test_redirect_inside_is_refused_even_when_followed(
    settings: Any, server: tuple[str, list[bytes]]
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["127.0.0.1"]
    listener = socket.create_server(("127.0.0.1", 0))
    inside = server[0].replace("127.0.0.1", "127.0.0.2")

    def redirect() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {inside}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    thread = threading.Thread(target=redirect)
    thread.start()
    with (
        net.client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client,
        pytest.raises(net.ForbiddenAddress),
    ):
        client.get("/", follow_redirects=True)
    thread.join(5)
    listener.close()
    assert server[1] == []


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[bytes]]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with net.client(server[0]) as client:
        assert client.get("/").text == "ok"


def test_name_that_does_not_resolve_is_a_connect_error() -> None:
    with net.client() as client, pytest.raises(httpx.ConnectError):
        client.get("http://does-not-exist.invalid/")


def test_deadline_ends_a_body_that_trickles() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            for _ in range(40):
                try:
                    connection.sendall(b".")
                except OSError:
                    return
                time.sleep(0.05)

    thread = threading.Thread(target=trickle)
    thread.start()
    started = time.monotonic()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with net.client(url) as client, pytest.raises(httpx.ReadTimeout), net.deadline(0.4):
        client.get("/")
    assert 0.3 < time.monotonic() - started < 1
    thread.join(5)
    listener.close()


def test_process_that_was_stopped_before_it_wrote_does_not_write(server: tuple[str, list[bytes]]) -> None:
    with net.client(server[0]) as client:
        assert (
            client.get("/").text == "ok"
        )  # the connection stands already: nothing but the write is left to refuse
        seen = len(server[1])
        with net.until(time.monotonic() - 0.01), pytest.raises(httpx.HTTPError):
            client.post("/", content=b"too late")
    assert len(server[1]) == seen


def test_inner_deadline_cannot_outlast_the_outer(server: tuple[str, list[bytes]]) -> None:
    with (
        net.client(server[0]) as client,
        net.deadline(0),
        net.deadline(10),
        pytest.raises(httpx.ConnectTimeout),
    ):
        client.get("/")


def test_shared_client_is_one_per_server(server: tuple[str, list[bytes]]) -> None:
    found: list[httpx.Client] = []
    threads = [threading.Thread(target=lambda: found.append(net.shared_client(server[0]))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1
    assert net.shared_client("http://127.0.0.1:9") is not found[0]
