"""What is probably wrong with a port or its security, in a sentence that says what to set instead."""

from __future__ import annotations

import smtplib
import ssl

import httpx

from automation.channels.email.mailbox import IMAP_PORTS, SMTP_PORTS, Server
from outreach.lib.net import ProxyFailed

_USUAL = {"SMTP": SMTP_PORTS, "IMAP": IMAP_PORTS}


def of_connecting(error: Exception, server: Server, protocol: str) -> str:
    """A hint for an error before the server has greeted; empty where there is none. ``protocol`` is SMTP or IMAP."""
    usual = _USUAL[protocol]
    if isinstance(error, ssl.SSLError) and server.security == "tls":
        return (
            f"Port {server.port} does not speak TLS from the start. Set the {protocol} security to starttls, "
            f"or use the port for TLS, usually {usual['tls']}."
        )
    if isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected) and server.security != "tls":
        return (
            f"Port {server.port} took the connection and did not greet. If it is the port for TLS from the start, "
            f"set the {protocol} security to tls; the port for STARTTLS is usually {usual['starttls']}."
        )
    if isinstance(error, httpx.ConnectError) and not isinstance(error, ProxyFailed):
        return f"Nothing answers at {server.host} on port {server.port}; the usual one is {usual[server.security]}."
    return ""
