"""One mailbox as its login describes it: servers, ports, security, names; checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from automation.channels.base import AuthFailed, Login
from outreach.lib import net

SECURITY = ("starttls", "tls", "none")
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}
IMAP_PORTS = {"starttls": 143, "tls": 993, "none": 143}
PROVIDERS = ("postmark", "mailgun", "brevo", "resend")


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to sign in. The password is in no repr."""

    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that sends by its HTTP API. ``url`` is only set to reach another address than its public one."""

    name: str
    key: str = field(repr=False)
    url: str = ""
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Everything needed to write as ``address`` and to read what comes back; without ``imap`` nothing is read.

    Mail goes out through ``provider`` or else ``smtp``; one of them is there.
    """

    address: str
    name: str
    smtp: Server | None
    imap: Server | None = None
    provider: Provider | None = None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def mailbox_of(login: Login) -> Mailbox:
    """The mailbox of a login; raises :class:`AuthFailed` naming the field that is missing or wrong, never its value."""
    secret = login.secret
    address = login.handle.strip().lower()
    if "@" not in address:
        raise AuthFailed("The account's handle is no e-mail address; it should look like ann@example.org.")
    provider = _provider(secret, login.proxy)
    return Mailbox(
        address=address,
        name=_text(secret, "from_name"),
        smtp=None if provider else _server(login, "smtp", "starttls", SMTP_PORTS),
        imap=_server(login, "imap", "tls", IMAP_PORTS) if _text(secret, "imap_host") else None,
        provider=provider,
    )


def _server(login: Login, kind: str, usual: str, ports: Mapping[str, int]) -> Server:
    secret, label = login.secret, kind.upper()
    host = _text(secret, f"{kind}_host")
    if not host or any(char.isspace() or char in "/@" for char in host):
        raise AuthFailed(f"The {label} server is missing or no host name. Use e.g. {kind}.example.org.")
    security = _text(secret, f"{kind}_security").lower() or usual
    if security not in SECURITY:
        raise AuthFailed(f"The {label} security must be starttls or tls.")
    if security == "none" and not net.is_allowed(host):
        raise AuthFailed(
            f"Without encryption the password would be readable: set the {label} security to {usual}."
        )
    port = _text(secret, f"{kind}_port") or str(ports[security])
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise AuthFailed(f"The {label} port must be a number from 1 to 65535.")
    return Server(
        host=host, port=int(port), security=security,
        username=_text(secret, f"{kind}_username") or _text(secret, "username") or login.handle.strip(),
        password=_text(secret, f"{kind}_password") or _text(secret, "password"),
        proxy=login.proxy,
    )  # fmt: skip


def _provider(secret: Mapping[str, Any], proxy: str) -> Provider | None:
    name = _text(secret, "provider").lower()
    if not name:
        return None
    if name not in PROVIDERS:
        raise AuthFailed(f"This provider is not known. Known: {', '.join(PROVIDERS)}.")
    if settings.PRODUCTION and not settings.MAIL_PROVIDERS.get(name):
        raise AuthFailed(
            f"This installation is not set up to hear from {name.title()} of bounces and complaints. Add {name} to "
            "MAIL_PROVIDERS, with its secret."
        )
    if not _text(secret, "provider_key"):
        raise AuthFailed("The provider's API key is missing.")
    return Provider(name, _text(secret, "provider_key"), _text(secret, "provider_url"), proxy)


def _text(secret: Mapping[str, Any], name: str) -> str:
    return str(secret.get(name) or "").strip()
