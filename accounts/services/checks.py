"""What people type, checked and brought into the form we store. Refusals name the field and the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from accounts.enums import ActionKind, WindowUnit
from accounts.models import Account, validate_network, validate_time_zone
from outreach.lib import networks

# A name, also an international one, or an IPv4 address.
HOST = re.compile(r"\w([\w-]*\w)?(\.\w([\w-]*\w)?)*")
LARGEST = 2_147_483_647  # what a counter column holds


def known_network(name: str) -> networks.Network:
    """The network called ``name``."""
    with_field("network", validate_network, name)
    return networks.get(name)


def known_time_zone(name: str) -> str:
    """``name``, if it is an IANA time zone."""
    with_field("time_zone", validate_time_zone, name)
    return name


def normal_handle(handle: str) -> str:
    """A handle without blanks around it and without the @ people put in front."""
    return handle.strip().removeprefix("@").strip()


def normal_server(network: networks.Network, server: str) -> str:
    """An account's server as ``https://host``; networks with one server keep what was given."""
    server = server.strip().rstrip("/")
    if not network.needs_server:
        return server
    if not server:
        raise ValidationError(
            {"server": f"{network.label} has many servers. Say which, e.g. https://mastodon.social"}
        )
    address = server if "://" in server else f"https://{server}"
    if not _is_web_address(address):
        raise ValidationError(
            {"server": f'"{server}" is no address of a server. Use e.g. https://mastodon.social'}
        )
    return address


def complete_secret(network: networks.Network, secret: Mapping[str, Any]) -> dict[str, Any]:
    """``secret`` with every field its network needs; refusals name what is missing and never show a value."""
    if not isinstance(secret, Mapping):
        raise ValidationError({"secret": "Credentials are a mapping of names to values."})
    missing = [label for name, label in network.credential_fields.items() if _is_blank(secret.get(name))]
    if missing:
        raise ValidationError({"secret": [f"{label} is missing." for label in missing]})
    return dict(secret)


def known_kind(kind: str) -> str:
    """``kind``, if acts of it exist."""
    if kind not in ActionKind.values:
        raise ValidationError({"kind": f'"{kind}" is no kind of act. Known: {", ".join(ActionKind.values)}.'})
    return str(kind)


def known_window(window: str) -> str:
    """``window``, if limits count in it."""
    if window not in WindowUnit.values:
        raise ValidationError({"window": f'"{window}" is no window. Limits count per day or per hour.'})
    return str(window)


def whole_number(field: str, value: int) -> int:
    """``value``, if it is a whole number from 0 to what a counter holds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError({field: f"{value!r} is not a whole number."})
    if value < 0:
        raise ValidationError({field: f"{value} is below zero. Use 0 for never."})
    if value > LARGEST:
        raise ValidationError(
            {field: f"{value} is too large. The largest is {LARGEST}; no limit at all is none."}
        )
    return value


def home_of(network: networks.Network, handle: str, server: str) -> str:
    """The server without which a handle says nothing, as ``host:port``; empty where it is the same on the whole network."""
    if not network.needs_server or (network.handles_name_their_server and "@" in handle):
        return ""
    return urlsplit(server).netloc.lower()


def unique_handle(account: Account) -> None:
    """Refuse a handle that another account has in the same place, in any letter case; ``home`` must be right."""
    others = Account.objects.filter(network=account.network, handle__iexact=account.handle, home=account.home)
    if others.exclude(pk=account.pk).exists():
        raise taken(account)


def taken(account: Account) -> ValidationError:
    """The refusal of a handle that another account has."""
    where = account.home or networks.get(account.network).label
    return ValidationError({"handle": f'There is already an account "{account.handle}" on {where}.'})


def with_field(field: str, check: Any, value: Any) -> None:
    """Run a plain validator and name the field in its refusal."""
    try:
        check(value)
    except ValidationError as refusal:
        raise ValidationError({field: refusal.messages})


def _is_web_address(text: str) -> bool:
    """Whether this is a scheme, a host and perhaps a port, and nothing else."""
    try:
        parts = urlsplit(text)
        plain = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(HOST.fullmatch(parts.hostname or ""))
        and text.lower() == plain
    )


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
