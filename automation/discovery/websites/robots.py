"""robots.txt, read as RFC 9309 says: missing allows everything, unreachable forbids everything for now."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from automation.discovery.websites.errors import Disallowed, Unreachable
from automation.discovery.websites.fetching import NAME, fetch

MOST_BYTES = 500_000
KEPT = 500  # sites
FRESH_SECONDS = 3600.0
LONGEST_DELAY = 600.0  # seconds; nobody who asks for more means it for one page a visit


@dataclass(slots=True)
class _Rules:
    rules: Protego
    read_at: float
    visited_at: float = 0.0

    @property
    def delay(self) -> float:
        return min(float(self.rules.crawl_delay(NAME) or 0.0), LONGEST_DELAY)


_known: OrderedDict[str, _Rules] = OrderedDict()
_lock = threading.Lock()


class Visit:
    """One reading of one page, with all its redirects."""

    def __init__(self) -> None:
        self._entered: set[str] = set()

    def check(self, url: str) -> None:
        """Raise :class:`Disallowed` if the site asks us not to read this address, :class:`Unreachable` if it asks for
        more time between two visits, or if its robots.txt cannot be had at the moment.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        found = _of(origin)
        if not found.rules.can_fetch(url, NAME):
            raise Disallowed(f"{parts.hostname} asks robots not to read this page.")
        if origin not in self._entered:
            self._entered.add(origin)
            _enter(found, parts.hostname or "")


def _enter(found: _Rules, host: str) -> None:
    now = time.monotonic()
    with _lock:
        wait = found.visited_at + found.delay - now
        if found.visited_at and wait > 0:
            raise Unreachable(f"{host} asks for time between two visits.", retry_after=wait)
        found.visited_at = now


def forget() -> None:
    """Ask every site anew."""
    with _lock:
        _known.clear()


def _of(origin: str) -> _Rules:
    with _lock:
        found = _known.get(origin)
    if found is not None and time.monotonic() - found.read_at < FRESH_SECONDS:
        return found
    fresh = _Rules(_read(origin), time.monotonic(), found.visited_at if found else 0.0)
    with _lock:
        _known[origin] = fresh
        _known.move_to_end(origin)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return fresh


def _read(origin: str) -> Protego:
    answer = fetch(f"{origin}/robots.txt", most=MOST_BYTES)
    text = answer.content.decode("utf-8", "replace") if answer.status < 300 else ""
    return Protego.parse(text)
