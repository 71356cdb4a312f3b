"""Asking name servers; apart from what is made of the answers, since the library is large and rarely needed."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.resolver

from automation.channels.email.domain import Ask

SECONDS = 3.0  # one question


def resolver_of(nameservers: Sequence[str] = (), port: int = 53) -> Ask:
    """Asks the system's name servers, or these."""
    resolver = dns.resolver.Resolver(configure=not nameservers)
    if nameservers:
        resolver.nameservers, resolver.port = list(nameservers), port
    resolver.lifetime = SECONDS

    def ask(name: str, kind: str) -> list[str]:
        try:
            answer = resolver.resolve(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise OSError(f"{type(error).__name__} for {name}") from error
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return [record.to_text() for record in answer]

    return ask
