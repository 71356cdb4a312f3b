"""One account's HTTP calls, limited in time, and what really happened on them.

Official clients fold everything into a few exceptions; whether an act may have taken place is decided by the facts kept
here: did the request leave, did an answer come, with which status, and how long does the server want us to wait.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from automation.channels.base import AuthFailed, ChannelError, Refused, TryLater, Unknown
from outreach.lib import net
from outreach.lib.net import ForbiddenAddress

CONNECT_SECONDS = 4.0
MAX_BODY = 8_000_000  # bytes; nothing these APIs answer comes near it
# Connections are shared by all accounts on a server: a cookie set for one must not go out with another's request.
NO_COOKIES = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
# No byte of the request had left when these were raised: no connection, or none wanted. A name that does not resolve
# and a certificate that does not match are connect errors too.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
IMPOSSIBLE = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``headers`` are looked up in any letter case."""

    status: int
    reason: str
    url: str
    headers: httpx.Headers
    body: bytes
    encoding: str | None


class Line:
    """Requests that share a call's time; remembers the last one.

    ``status`` is ``None`` while no answer came and ``failure`` what stopped it; ``sent`` counts requests. ``skew`` is
    the server's clock minus ours in seconds (``None``: it never told), ``doubt`` how far off that may be.
    """

    def __init__(self, server: str, proxy: str = "") -> None:
        self._server = server
        self._proxy = proxy
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

    def exchange(self, method: str, url: str, content: Mapping[str, Any]) -> Answer:
        """One request and its whole answer, redirects not followed; ``content`` is httpx's: headers, params, json..."""
        self.forget()
        try:
            return self._exchange(method, url, content)
        except Exception as error:
            self.failure = error
            raise

    def _exchange(self, method: str, url: str, content: Mapping[str, Any]) -> Answer:
        client = net.shared_client(self._server, self._proxy)
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
        return Answer(
            answer.status_code, answer.reason_phrase, str(answer.url), answer.headers, body, answer.encoding
        )

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


def is_answered(line: Line) -> bool:
    """Whether the last request got a whole answer: one that breaks off after a success says nothing."""
    return line.status is not None and (line.failure is None or line.status >= 300)


def unanswered(error: Exception, line: Line, *, act: bool) -> ChannelError:
    """The channel's error for a request that got no whole answer; ``act`` tells one that changes something."""
    kind = type(line.failure or error).__name__
    if isinstance(line.failure, ForbiddenAddress):
        return AuthFailed(f"The account's server address cannot be used. {line.failure}")
    if line.sent == 0:
        return Refused(f"This request cannot be made ({kind}).")
    if isinstance(line.failure, IMPOSSIBLE):
        return AuthFailed(f"The account's server address cannot be used ({kind}); correct it.")
    if isinstance(line.failure, net.ProxyFailed):
        return AuthFailed(str(line.failure)) if line.failure.denied else TryLater(str(line.failure))
    if isinstance(line.failure, NEVER_SENT):
        return TryLater(f"The server cannot be reached ({kind}).")
    if act:
        return Unknown(f"The request was sent and no whole answer came ({kind}).")
    return TryLater(f"The server gave no whole answer ({kind}).")


def retry_after(headers: Mapping[str, str], reset: str) -> float | None:
    """Seconds the server wants us to wait, the longest it named: ``Retry-After`` as seconds or date, or the header ``reset``.

    Times are read on the server's clock, and rounded up by its whole-second ``Date``: never a moment early.
    """
    waits = []
    asked = headers.get("Retry-After", "").strip()
    if asked.replace(".", "", 1).isdigit():
        waits.append(float(asked))
    now = moment(headers.get("Date", ""))
    server_now = now.timestamp() if now else time.time()
    for text in (asked if not waits else "", headers.get(reset, "")):
        when = moment(text)
        if when is not None:
            waits.append(when.timestamp() - server_now + 1)
    waits = [wait for wait in waits if wait > 0]
    return max(waits) if waits else None


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
