"""Whose certificates count: the authorities everybody knows, and those of this installation."""

from __future__ import annotations

import ssl
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def also(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, which from now on trusts the authorities of ``TLS_CA_FILE`` too; everything else is checked as before."""
    if settings.TLS_CA_FILE:
        context.load_verify_locations(cafile=settings.TLS_CA_FILE)
    return context


def required(path: str) -> str:
    """The path as it is, once it can be used; empty for none. Raises :class:`ImproperlyConfigured` where it cannot."""
    if path and not holds_certificates(Path(path)):
        raise ImproperlyConfigured(
            f"TLS_CA_FILE holds no certificate: {path}. It is a readable file of lines from -----BEGIN CERTIFICATE----- to "
            "-----END CERTIFICATE-----, one block for each authority."
        )
    return path


def holds_certificates(path: Path) -> bool:
    """Whether a file can be read and is one or more certificates in PEM form."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:  # an ssl.SSLError is one
        return False
    return True
