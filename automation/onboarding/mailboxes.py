"""Where the mail servers of well-known providers are, so that people need only their address and app password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider's servers as its help pages give them. ``hint`` says what people stumble over there."""

    name: str
    label: str
    domains: tuple[str, ...]
    smtp_host: str
    imap_host: str
    smtp_port: str = "587"
    imap_port: str = "993"
    smtp_security: str = "starttls"
    imap_security: str = "tls"
    hint: str = ""

    def servers(self) -> dict[str, str]:
        """The fields of a connection it stands for."""
        return {
            "smtp_host": self.smtp_host, "smtp_port": self.smtp_port, "smtp_security": self.smtp_security,
            "imap_host": self.imap_host, "imap_port": self.imap_port, "imap_security": self.imap_security,
        }  # fmt: skip


TWO_STEPS = "Needs an app password, which its account page gives once two-step verification is on."
FASTMAIL = "Needs an app password with access to SMTP and IMAP."
SWITCHED_OFF = "IMAP has to be switched on in its settings."
# Name, label, domains, SMTP server, IMAP server, SMTP over TLS from the start (port 465), hint.
TABLE = (
    ("gmail", "Gmail, Google Workspace", "gmail.com googlemail.com", "smtp.gmail.com", "imap.gmail.com", False, TWO_STEPS),
    ("icloud", "iCloud Mail", "icloud.com me.com mac.com", "smtp.mail.me.com", "imap.mail.me.com", False, TWO_STEPS),
    ("yahoo", "Yahoo Mail", "yahoo.com ymail.com", "smtp.mail.yahoo.com", "imap.mail.yahoo.com", False, TWO_STEPS),
    ("fastmail", "Fastmail", "fastmail.com fastmail.fm", "smtp.fastmail.com", "imap.fastmail.com", True, FASTMAIL),
    ("zoho", "Zoho Mail (zoho.com)", "zoho.com zohomail.com", "smtp.zoho.com", "imap.zoho.com", True, SWITCHED_OFF),
    ("zoho-eu", "Zoho Mail (zoho.eu)", "zoho.eu zohomail.eu", "smtp.zoho.eu", "imap.zoho.eu", True, SWITCHED_OFF),
    ("gmx", "GMX", "gmx.de gmx.net gmx.at gmx.ch", "mail.gmx.net", "imap.gmx.net", False, SWITCHED_OFF),
    ("webde", "WEB.DE", "web.de", "smtp.web.de", "imap.web.de", False, SWITCHED_OFF),
    ("mailbox", "mailbox.org", "mailbox.org", "smtp.mailbox.org", "imap.mailbox.org", False, ""),
    ("posteo", "Posteo", "posteo.de posteo.net", "posteo.de", "posteo.de", False, ""),
    ("ionos", "IONOS", "", "smtp.ionos.com", "imap.ionos.com", False, ""),
    ("ovh", "OVHcloud", "", "ssl0.ovh.net", "ssl0.ovh.net", True, ""),
)  # fmt: skip
PRESETS = tuple(
    Preset(
        name, label, tuple(domains.split()), smtp, imap, "465" if tls else "587",
        smtp_security="tls" if tls else "starttls", hint=hint,
    )
    for name, label, domains, smtp, imap, tls, hint in TABLE
)  # fmt: skip
BY_NAME = {preset.name: preset for preset in PRESETS}


def of_address(address: str) -> Preset | None:
    """The provider an address belongs to, by its domain."""
    domain = address.rpartition("@")[2].strip().casefold()
    return next((preset for preset in PRESETS if domain in preset.domains), None)


def completed(address: str, secret: Mapping[str, str], preset: str = "") -> dict[str, str]:
    """``secret`` with the servers of the chosen provider, or the address's own; what was typed in stays as it is.

    With a sending provider's API no SMTP server is filled in.
    """
    chosen = BY_NAME.get(preset) or of_address(address)
    given = {name: value for name, value in secret.items() if value}
    if chosen is None or given.get("smtp_host") or given.get("imap_host"):
        return given
    servers = chosen.servers()
    if given.get("provider"):
        servers = {name: value for name, value in servers.items() if name.startswith("imap_")}
    return {**servers, **given}
