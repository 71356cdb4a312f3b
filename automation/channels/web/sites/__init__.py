"""The site files there are: those beside this module, and the operator's own, which come first."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from automation.channels.web.parsing import SiteError, load
from automation.channels.web.site import Site

SHIPPED = Path(__file__).parent


class SiteBroken(SiteError):
    """The wanted site may be in a file that cannot be used; mending that helps."""


def known() -> tuple[dict[str, Site], list[SiteError]]:
    """Every usable site by name, the operator's before ours, and what is wrong with the other files.

    A file that changed is read again: describing a site is trial and error.
    """
    found: dict[str, Site] = {}
    broken: list[SiteError] = []
    for folder in folders():
        for file in sorted(folder.glob("*.toml")):
            try:
                site = _loaded(file, file.stat().st_mtime_ns)
            except SiteError as error:
                broken.append(error)
            else:
                found.setdefault(site.name, site)
    return found, broken


def folders() -> list[Path]:
    """Where site files are looked for."""
    own = [Path(settings.WEB_SITES_DIR)] if settings.WEB_SITES_DIR else []
    return [*own, SHIPPED]


@cache
def _loaded(file: Path, changed: int) -> Site:
    return load(file)


def of(server: str, name: str = "") -> Site:
    """The site at a server's address, or the one called ``name``; :class:`SiteError` says which there are,
    :class:`SiteBroken` that it may be in a file that cannot be used.
    """
    sites, broken = known()
    host = (urlsplit(server).hostname or "").casefold()
    for site in sites.values():
        if site.name == name if name else any(matches(host, pattern) for pattern in site.hosts):
            return site
    if broken:
        raise SiteBroken(f"A site file cannot be used. {broken[0]}")
    wanted = f'is called "{name}"' if name else f"describes {host or 'this server'}"
    raise SiteError(f"No site file {wanted}. There are: {', '.join(sites)}.")


def matches(host: str, pattern: str) -> bool:
    """Whether a host is the one of a pattern, or below ``*.example.org``."""
    plain = pattern.strip("[]").casefold()
    return host.endswith(plain[1:]) if plain.startswith("*.") else host == plain
