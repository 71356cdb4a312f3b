"""One address over HTTP: bounded in bytes, hops and time, never into a private network."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx
from django.conf import settings

from automation.discovery.websites.errors import Disallowed, Unreachable, Unreadable
from outreach.lib import net

NAME = "OutreachBot"
HOPS = 5
PHASE_SECONDS = 8.0
GZIP = zlib.MAX_WBITS | 16
HEADERS = {"Accept": "text/html, application/xhtml+xml, text/plain;q=0.8", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: ``url`` is where it came from in the end, ``content`` at most as many bytes as were asked for."""

    url: str
    status: int
    mime: str
    charset: str
    content: bytes = field(repr=False)
    is_cut: bool = False


def agent() -> str:
    """How we call ourselves: by name, with where to complain."""
    contact = settings.WEBSITE_CONTACT
    return f"{NAME}/1.0 (+{contact})" if contact else f"{NAME}/1.0"


def normal(address: str) -> str:
    """An address as people write it, made whole; :class:`Unreadable` for what is none."""
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Unreadable(f'"{text[:100]}" is no web address.') from None
    if parts.scheme not in ("http", "https") or ("." not in host.strip(".") and not net.is_allowed(host)):
        raise Unreadable(f'"{text[:100]}" is no web address.')
    if parts.username or parts.password:
        raise Unreadable("Addresses with a password in them are not opened.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))


def fetch(url: str, *, most: int, may: Callable[[str], None] = lambda url: None) -> Fetched:
    """Get an address and follow where it leads; ``may(url)`` is asked before each hop and raises to forbid it.

    Within a :func:`net.deadline` of the caller's. Raises :class:`Disallowed` for private addresses,
    :class:`Unreachable` for no answer, 429 and 5xx. Other statuses are in the answer.
    """
    with net.client(timeout=PHASE_SECONDS) as client:
        for _ in range(HOPS + 1):
            may(url)
            answer = _one(client, url, most)
            if isinstance(answer, Fetched):
                return answer
            url = normal(urljoin(url, answer))
    raise Unreachable(f"{urlsplit(url).hostname} redirects without end.")


def _one(client: httpx.Client, url: str, most: int) -> Fetched | str:
    """The answer, or where it leads on."""
    host = urlsplit(url).hostname or ""
    try:
        with client.stream("GET", url, headers={**HEADERS, "User-Agent": agent()}) as answer:
            if answer.is_redirect:
                return answer.headers["location"]
            if answer.status_code == 429 or answer.status_code >= 500:
                said = f"{host} answered {answer.status_code}."
                raise Unreachable(said, retry_after=_retry_after(answer))
            content, is_cut = _body(answer, most)
    except net.ForbiddenAddress as error:
        raise Disallowed(str(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{host} does not answer ({type(error).__name__}).") from None
    mime = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Fetched(url, answer.status_code, mime, answer.charset_encoding or "", content, is_cut)


def _body(answer: httpx.Response, most: int) -> tuple[bytes, bool]:
    """Up to ``most`` bytes, unpacked piece by piece: a small packed file may hold a huge one."""
    packing = answer.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip"):
        raise Unreadable(f"The page is packed as {packing[:20]}, which we did not ask for.")
    unpack = zlib.decompressobj(GZIP) if packing == "gzip" else None
    content = bytearray()
    try:
        for piece in answer.iter_raw():
            left = most - len(content)
            content += unpack.decompress(piece, left + 1) if unpack else piece[: left + 1]
            if len(content) > most:
                return bytes(content[:most]), True
    except zlib.error:
        raise Unreadable("The page is packed and broken.") from None
    return bytes(content), False


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 7 else None
