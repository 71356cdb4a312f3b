"""The HTTP beneath Mastodon.py: our checked and time-limited connections."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from automation.channels.line import Line
from automation.channels.requests_answer import as_requests

MAX_HOPS = 3
RATE_LIMIT_HEADERS = "x-ratelimit-"


class Redirected(Exception):
    """The server sends us elsewhere, and we do not go."""


class Wire(Line):
    """What Mastodon.py takes for its ``requests.Session``."""

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request and its whole answer; reads follow redirects to the same place, or to its encrypted door.

        ``options`` are those of :mod:`requests` that Mastodon.py uses; its own ``timeout`` gives way to ours.
        """
        content = {
            name: options[name]
            for name in ("headers", "params", "data", "json", "files")
            if options.get(name)
        }
        for _ in range(MAX_HOPS):
            answer = as_requests(self.exchange(method, url, content), without=RATE_LIMIT_HEADERS)
            if not answer.is_redirect:
                return answer
            target = urljoin(url, answer.headers["Location"])
            if method != "GET" or not _is_same_place(url, target):
                break
            url = target
            content.pop("params", None)
        # Mastodon.py would take a redirect with a body for a success.
        raise Redirected(f"Redirected to {urlsplit(target).hostname}.")


def _is_same_place(url: str, target: str) -> bool:
    """Whether the token may go along: never to another host or port, and never from TLS to plain text."""
    here, there = urlsplit(url), urlsplit(target)
    if here.hostname != there.hostname:
        return False
    upgraded = (here.scheme, there.scheme) == ("http", "https") and there.port in (None, 443)
    return upgraded or (here.scheme, here.port) == (there.scheme, there.port)
