"""What two people would share if they were one human being, and how much each such thing says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from leads.addresses import EMAIL
from leads.enums import MatchKind

Key = tuple[str, str]  # kind, value

# How likely two people who share this are one; an address nobody else has says nearly everything.
WEIGHTS: Mapping[str, float] = {
    MatchKind.ADDRESS: 0.9, MatchKind.HANDLE: 0.45, MatchKind.SITE: 0.4, MatchKind.NAME: 0.3,
}  # fmt: skip
SHOWN_FROM = 60  # a score of the queue
SHARED_BY_FEW = 8  # what more people share says nothing: a company's website, a common name
SHORTEST_HANDLE = 5
# Mail to these ignores dots in the local part.
DOTLESS = {"gmail.com", "googlemail.com"}
# Nobody's own: many people write from, and are found at, these.
ROLES = frozenset(
    {"info", "hello", "contact", "office", "sales", "support", "admin", "mail", "team", "noreply"}
)
SHARED_HOSTS = frozenset(
    {"linktr.ee", "beacons.ai", "medium.com", "substack.com", "github.com", "linkedin.com", "instagram.com", "facebook.com",
     "x.com", "twitter.com", "youtube.com", "t.me", "tiktok.com", "bsky.app", "google.com", "sites.google.com"}
)  # fmt: skip
_SITE = re.compile(r"^(?:https?://)?(?:www\.)?([^/?#:]+)(?::\d+)?([^?#]*)", re.IGNORECASE)


def keys_of(names: tuple[str, str, str], website: str, addresses: Iterable[tuple[str, str]]) -> set[Key]:
    """The keys of somebody with these names (display, first, last), website and addresses (network, handle)."""
    keys: set[Key] = set()
    for network, handle in addresses:
        if network == EMAIL:
            keys.add((MatchKind.ADDRESS, canonical_email(handle)))
        family = handle_family(network, handle)
        if family:
            keys.add((MatchKind.HANDLE, family))
    if website and (place := site(website)):
        keys.add((MatchKind.SITE, place))
    display, first, last = names
    whole = _bare(f"{first} {last}") if first and last else _bare(display) if " " in display.strip() else ""
    if len(whole) >= SHORTEST_HANDLE:
        keys.add((MatchKind.NAME, whole))
    return {(kind, value[:255]) for kind, value in keys}


def canonical_email(address: str) -> str:
    """Where mail to ``address`` ends up: no tag after a plus, no dots where they are ignored."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def handle_family(network: str, handle: str) -> str:
    """What handles of one person on several networks have in common; empty for what says nothing."""
    name = handle.partition("@")[0]
    if network == EMAIL:
        name = name.partition("+")[0]
        if name in ROLES:
            return ""
    elif "@" not in handle and handle.count(".") >= 2:
        name = handle.partition(".")[0]  # ann.bsky.social
    bare = _bare(name)
    return bare if len(bare) >= SHORTEST_HANDLE else ""


def site(website: str) -> str:
    """A website's place without scheme, www and query; on a shared host with its path, or empty without one."""
    found = _SITE.match(website.strip())
    if found is None:
        return ""
    host, path = found.group(1).casefold(), found.group(2).rstrip("/").casefold()
    if host in SHARED_HOSTS:
        return f"{host}{path}" if path else ""
    return host


def score(kinds: Iterable[str]) -> int:
    """0-100: how sure it is that two people who share keys of these kinds are one."""
    doubt = 1.0
    for kind in set(kinds):
        doubt *= 1 - WEIGHTS[kind]
    return round(100 * (1 - doubt))


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
