"""The HTTP beneath tweepy: our checked and time-limited connections, to X and nowhere else."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

import requests

from automation.channels.base import AuthFailed
from automation.channels.line import Line
from automation.channels.requests_answer import as_requests
from automation.channels.x import ADDRESS
from outreach.lib import net

CONTENT = ("headers", "params", "json", "data", "files")
RATE_LIMIT_HEADERS = "x-rate-limit-"
# It writes whole requests, their token included, at DEBUG.
logging.getLogger("tweepy").setLevel(logging.WARNING)


def base_of(server: str) -> str:
    """Where the API is: X, unless the account names a stand-in on a host that the operator allow-listed."""
    if not server:
        return ADDRESS
    parts = urlsplit(server if "://" in server else f"https://{server}")
    if not net.is_allowed(parts.hostname or ""):
        raise AuthFailed("X has one server, and the account names another. Leave its server empty.")
    return f"{parts.scheme}://{parts.netloc}"


class Wire(Line):
    """What tweepy takes for its ``requests.Session``."""

    def __init__(self, server: str, proxy: str = "") -> None:
        self.base = base_of(server)
        super().__init__(self.base, proxy)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request and its whole answer, at our base address; redirects are not followed."""
        content = {name: options[name] for name in CONTENT if options.get(name)}
        return as_requests(
            self.exchange(method, f"{self.base}{urlsplit(url).path}", content), without=RATE_LIMIT_HEADERS
        )
