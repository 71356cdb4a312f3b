"""The HTTP beneath Mastodon.py: our checked and time-limited connections, and what really happened on them.

Mastodon.py folds everything into a few exceptions; whether an act may have taken place is decided by the facts kept
here: did the request leave, did an answer come, with which status, and how long does the server want us to wait.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import requests
from requests.structures import CaseInsensitiveDict

from outreach.lib import net

CONNECT_SECONDS = 4.0
MAX_BODY = 8_000_000  # bytes; nothing this API answers comes near it
MAX_HOPS = 3
RATE_LIMIT_HEADERS = "x-ratelimit-"
# Connections are shared by all accounts on a server: a cookie set for one must not go out with another's request.
NO_COOKIES = CookieJar(DefaultCookiePolicy(allowed_domains=[]))


class Redirected(Exception):
    """The server sends us elsewhere, and we do not go."""


class Wire:
    """What Mastodon.py takes for its ``requests.Session``; remembers the running call's last request.

    ``status`` is ``None`` while no answer came and ``failure`` what stopped it; ``sent`` counts requests. ``skew`` is
    the server's clock minus ours in seconds (``None``: it never told), ``doubt`` how far off that may be.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._ends = 0.0
        self.sent = 0
        self.status: int | None = None
        self.failure: Exception | None = None
        self.headers: Mapping[str, str] = {}
        self.skew: float | None = None
        self.doubt = 0.0

    def start(self, seconds: float) -> None:
        """All requests until the next start share ``seconds``."""
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds the running call still has; 0 or less when they are spent."""
        return self._ends - time.monotonic()

    def forget(self) -> None:
        """Drop what is known of earlier requests: the next failure is about the next request only."""
        self.sent, self.status, self.failure, self.headers = 0, None, None, {}

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request and its whole answer; reads follow redirects within their host.

        ``options`` are those of :mod:`requests` that Mastodon.py uses; its own ``timeout`` gives way to ours.
        """
        content = {
            name: options[name]
            for name in ("headers", "params", "data", "json", "files")
            if options.get(name)
        }
        for _ in range(MAX_HOPS):
            self.forget()
            try:
                answer = self._exchange(method, url, content)
            except Exception as error:
                self.failure = error
                raise
            if not answer.is_redirect:
                return answer
            target = urljoin(url, answer.headers["Location"])
            if method != "GET" or _host(target) != _host(url):
                break
            url = target
            content.pop("params", None)
        # Mastodon.py would take a redirect with a body for a success.
        raise Redirected(f"Redirected to {_host(target)}.")

    def _exchange(self, method: str, url: str, content: dict[str, Any]) -> requests.Response:
        client = net.shared_client(self._server)
        client.cookies = NO_COOKIES
        left = self.left
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        request = client.build_request(method, url, timeout=timeout, **content)
        self.sent += 1
        if left <= 0:
            raise httpx.ConnectTimeout("The time for this call was spent before the request.")
        began = time.time()
        with net.deadline(left), contextlib.closing(client.send(request, stream=True)) as answer:
            self._note(answer, began)
            body = _body_of(answer)
        return _as_requests(answer, body)

    def _note(self, answer: httpx.Response, began: float) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        stamp = moment(answer.headers.get("Date", ""))
        if stamp is not None:
            now = time.time()
            # The header has whole seconds, cut off: the middle of that second against the middle of the exchange.
            self.skew = stamp.timestamp() + 0.5 - (began + now) / 2
            self.doubt = 0.5 + (now - began) / 2


def _body_of(answer: httpx.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > MAX_BODY:
            raise httpx.DecodingError("The answer is larger than any this API gives.")
    return bytes(body)


def _as_requests(answer: httpx.Response, body: bytes) -> requests.Response:
    """The answer in the form Mastodon.py reads."""
    told = requests.Response()
    told.status_code = answer.status_code
    told.reason = answer.reason_phrase
    told.url = str(answer.url)
    # Mastodon.py trips over reset times it cannot parse, even on a success; we read them ourselves.
    told.headers = CaseInsensitiveDict(
        {
            name: value
            for name, value in answer.headers.items()
            if not name.lower().startswith(RATE_LIMIT_HEADERS)
        }
    )
    told.encoding = answer.encoding
    told._content = body
    return told


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def moment(text: str) -> datetime | None:
    """A time as servers write it: an HTTP date, an ISO date or seconds since 1970; ``None`` when it is none of these."""
    text = text.strip()
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
