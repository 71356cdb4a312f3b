"""Which addresses may be connected to."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddress(Exception):
    """The address leads into a private network, or is none. The message names the host and what to do."""


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
    if not is_allowed(host) and not all(is_public(address) for address in addresses):
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


def is_allowed(host: str) -> bool:
    """Whether a host may be private: only what ``ALLOWED_PRIVATE_HOSTS`` names, which production leaves empty."""
    plain = host.strip("[]").rstrip(".").casefold()
    return plain in {allowed.casefold() for allowed in settings.ALLOWED_PRIVATE_HOSTS}
