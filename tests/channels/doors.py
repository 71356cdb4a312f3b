"""Every way in which a channel goes out: one call for each, to a host and port that a test chooses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from automation.channels import registry
from automation.channels.base import Act, Login
from automation.channels.email.idle import Idle
from automation.channels.oauth import App

CANARY = "canary-5b1e77"  # every secret holds it
HANDLE = "ann@ours.test"


@dataclass(frozen=True, slots=True)
class Door:
    """``call(host, port, proxy)`` makes one call; ``http`` tells the web's protocol from those of mail."""

    network: str
    name: str
    call: Callable[[str, int, str], object]
    http: bool = True

    def __str__(self) -> str:
        return f"{self.network}-{self.name}"


def secret_of(host: str, port: int) -> dict[str, Any]:
    """Everything any network asks for to sign in, each value a secret of its own."""
    names = (
        "access_token",
        "facebook_token",
        "refresh_token",
        "client_secret",
        "token",
        "app_password",
        "password",
    )
    servers = {
        f"{kind}_{what}": str(value)
        for kind in ("smtp", "imap")
        for what, value in (("host", host), ("port", port))
    }
    return {
        **{name: f"{CANARY}-{name}" for name in names}, "client_id": "our-app", **servers,
    }  # fmt: skip


def login_to(network: str, host: str, port: int, proxy: str = "", **secret: str) -> Login:
    """An account of ours at ``host``; of mail, a mailbox whose servers are there."""
    server = "" if network == "email" else f"http://{host}:{port}"
    return Login(7, HANDLE, server, "1001", secret={**secret_of(host, port), **secret}, proxy=proxy)


def act(kind: str) -> Act:
    return Act(
        kind, uuid.uuid4(), handle="bob@people.test", remote_id="1002", text="Hello", subject="A question"
    )


def _verify(network: str) -> Door:
    return Door(
        network, "verify", lambda *where: registry.open_channel(network, login_to(network, *where)).verify()
    )


def _mail(host: str, port: int, proxy: str, **secret: str) -> Any:
    return registry.open_channel("email", login_to("email", host, port, proxy, **secret))


def _provider(name: str) -> Door:
    def send(host: str, port: int, proxy: str) -> object:
        url = f"http://{host}:{port}/"
        channel = _mail(host, port, proxy, provider=name, provider_key=f"{CANARY}-provider", provider_url=url)
        return channel.message(act("email"))

    return Door("email", name, send)


def _refresh(network: str) -> Door:
    def refresh(host: str, port: int, proxy: str) -> object:
        oauth = registry.oauth_of(network)
        assert oauth is not None
        return oauth.refresh(secret_of(host, port), server=f"http://{host}:{port}", proxy=proxy)

    return Door(network, "refresh", refresh)


def _finish(network: str) -> Door:
    """The person is back, and their code is turned into a token."""

    def finish(host: str, port: int, proxy: str) -> object:
        oauth = registry.oauth_of(network)
        assert oauth is not None
        app = App("our-app", "https://outreach.example.org/back", f"{CANARY}-app")
        keep = {
            "state": "s",
            "verifier": f"{CANARY}-verifier",
            "client_id": "our-app",
            "client_secret": f"{CANARY}-app",
        }
        answer = {"state": "s", "code": f"{CANARY}-code"}
        return oauth.finish(app, keep, answer, server=f"http://{host}:{port}", proxy=proxy)

    return Door(network, "finish", finish)


def _mailbox(security: str) -> tuple[Door, ...]:
    """Sending, reading, and waiting for mail."""
    given = {"smtp_security": security, "imap_security": security}
    return (
        Door("email", "smtp", lambda *where: _mail(*where, **given).message(act("email")), http=False),
        Door("email", "imap", lambda *where: _mail(*where, **given).inbox("1.1.20260101"), http=False),
        Door("email", "idle", lambda *where: Idle(login_to("email", *where, **given)), http=False),
    )


DOORS = (
    *map(_verify, ("bluesky", "instagram", "mastodon", "sandbox", "x")),
    *map(_refresh, ("instagram", "x")),
    *map(_finish, ("instagram", "mastodon", "x")),
    *map(_provider, ("brevo", "mailgun", "postmark", "resend")),
    *_mailbox("starttls"),
)
UNENCRYPTED = _mailbox("none")  # where a test's server speaks no TLS
