"""The site files there are: those beside this module, and the operator's own, which come first."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from automation.channels.web.parsing import SiteError, load
from automation.channels.web.site import Site

SHIPPED = Path(__file__).parent


def known() -> dict[str, Site]:
    """Every usable site by name, the operator's before ours; :class:`SiteError` for a file that cannot be used.

    A file that changed is read again: describing a site is trial and error.
    """
    found: dict[str, Site] = {}
    for folder in folders():
        for file in sorted(folder.glob("*.toml")):
            site = _loaded(file, file.stat().st_mtime_ns)
            found.setdefault(site.name, site)
    return found


def folders() -> list[Path]:
    """Where site files are looked for."""
    own = [Path(settings.WEB_SITES_DIR)] if settings.WEB_SITES_DIR else []
    return [*own, SHIPPED]


@cache
def _loaded(file: Path, changed: int) -> Site:
    return load(file)


def of(server: str, name: str = "") -> Site:
    """The site at a server's address, or the one called ``name``; :class:`SiteError` says which there are."""
    sites = known()
    if name:
        if name not in sites:
            raise SiteError(f'There is no site file called "{name}". There are: {", ".join(sites)}.')
        return sites[name]
    host = (urlsplit(server).hostname or "").casefold()
    for site in sites.values():
        if any(matches(host, pattern) for pattern in site.hosts):
            return site
    raise SiteError(
        f"No site file describes {host or 'this server'}. Write one; there are: {', '.join(sites)}."
    )


def matches(host: str, pattern: str) -> bool:
    """Whether a host is the one of a pattern, or below ``*.example.org``."""
    plain = pattern.strip("[]").casefold()
    return host.endswith(plain[1:]) if plain.startswith("*.") else host == plain
