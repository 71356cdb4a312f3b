"""Going out over HTTP: never into a private network by accident, never longer than a deadline.

An address is checked where the connection is made, against what the name resolves to at that moment, so
neither a redirect nor a name that changes its mind leads inside. Hosts in the setting
``ALLOWED_PRIVATE_HOSTS`` are exempt. An account's proxy is no way around that: its own address is checked like any
other, and it is asked for the number we resolved and checked (:mod:`outreach.lib.net.proxies` says what that leaves open).
"""

from outreach.lib.net.addresses import ForbiddenAddress, check_address, is_allowed, is_public, resolve
from outreach.lib.net.clients import client, connect, shared_client, try_proxy
from outreach.lib.net.deadlines import deadline, seconds_left, until
from outreach.lib.net.transport import CheckedTransport, ProxyFailed

__all__ = [
    "CheckedTransport",
    "ForbiddenAddress",
    "ProxyFailed",
    "check_address",
    "client",
    "connect",
    "deadline",
    "is_allowed",
    "is_public",
    "resolve",
    "seconds_left",
    "shared_client",
    "try_proxy",
    "until",
]
