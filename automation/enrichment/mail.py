"""E-mail addresses in texts, and what can be said of one by looking at it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from automation.enrichment.base import Mail
from leads.addresses import EMAIL, normalise

MOST = 3  # addresses of one profile or page; more are a directory
ADDRESS = re.compile(r"(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@(?:[\w](?:[\w-]{0,61}[\w])?\.)+[^\W\d_]{2,24}\b")
# RFC 2142, and what people use: read by several, or by nobody's eyes in particular.
ROLES = frozenset([
    "abuse", "accounting", "accounts", "admin", "administrator", "billing", "booking", "bookings", "business",
    "contact", "contacto", "contact-us", "hello", "help", "helpdesk", "hi", "hostmaster", "hr", "impressum",
    "info", "information", "inquiries", "jobs", "kontakt", "legal", "mail", "marketing", "media", "news",
    "newsletter", "office", "orders", "postmaster", "press", "presse", "privacy", "pr", "root", "sales",
    "security", "service", "shop", "support", "team", "webmaster", "welcome",
])  # fmt: skip
MACHINES = frozenset(
    ["noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "mailer-daemon", "bounce", "bounces"]
)
# Sites that host other people's pages: addresses under their own domain are their own.
HOSTS = frozenset([
    "wordpress.com", "wix.com", "wixpress.com", "squarespace.com", "sentry.io", "weebly.com", "linktr.ee",
    "carrd.co", "godaddy.com",
])  # fmt: skip


def addresses_in(text: str) -> tuple[str, ...]:
    """E-mail addresses of a text as we store them, in order, each once, three at most."""
    return _usable(match[0] for match in ADDRESS.finditer(text[:20_000]))


def of_site(emails: Iterable[str], host: str) -> tuple[str, ...]:
    """Those addresses of a page that are its owner's: under the site's own domain first, none of the hoster's."""
    own = host.removeprefix("www.")
    usable = _usable(emails, most=20)
    return tuple(sorted(usable, key=lambda email: not _under(own, email.rpartition("@")[2])))[:MOST]


def judge(address: str, *, bounced: bool) -> Mail:
    """What can be said without asking anybody; an empty verdict says that nothing speaks against it."""
    try:
        local, _, domain = normalise(EMAIL, address).rpartition("@")
    except ValueError as error:
        return Mail("bad", str(error))
    if bounced:
        return Mail("bad", "Mail to it came back for good.")
    if local in MACHINES:
        return Mail("bad", "Nobody reads what is sent to it.")
    if is_disposable(domain):
        return Mail("bad", f"{domain} gives out addresses that are thrown away.")
    if local in ROLES:
        return Mail("risky", "It belongs to a role, not to one person.")
    return Mail("")


def is_role(address: str) -> bool:
    """Whether several people may read it, as with ``info@``."""
    return address.partition("@")[0].partition("+")[0] in ROLES


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one it stands under, gives out addresses that are thrown away."""
    labels = domain.split(".")
    return any(".".join(labels[place:]) in disposable() for place in range(len(labels) - 1))


@cache
def disposable() -> frozenset[str]:
    """Domains that are known for it; the list comes with its library, which is released nearly daily."""
    return frozenset(import_module("disposable_email_domains").blocklist)


def _usable(found: Iterable[str], *, most: int = MOST) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for text in found:
        try:
            address = normalise(EMAIL, text)
        except ValueError:
            continue
        local, _, domain = address.rpartition("@")
        if local not in MACHINES and not any(_under(host, domain) for host in HOSTS):
            kept[address] = None
        if len(kept) == most:
            break
    return tuple(kept)


def _under(host: str, domain: str) -> bool:
    return domain == host or domain.endswith("." + host) or host.endswith("." + domain)
