"""What a post says, as the network counts it. Light: forms ask for lengths without loading the client."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from automation.channels.base import Act

LONGEST = 300  # graphemes: app.bsky.feed.post, text, maxGraphemes
BYTES_EACH = 10  # maxLength is 3,000 bytes of UTF-8, ten for each grapheme
LINK_SHOWN = 24  # characters of a link's path that are shown, about what the official apps show


def length(text: str, link: str = "", warning: str = "") -> int:
    """How long a post is, in graphemes; more where the limit on bytes is what it would break."""
    whole = composed(text, link, warning)
    return max(len(_grapheme().findall(whole)), -(-len(whole.encode()) // BYTES_EACH))


@cache
def _grapheme() -> Any:
    """One grapheme; its library loads where a post is first measured."""
    return import_module("regex").compile(r"\X")


def composed(text: str, link: str, warning: str = "") -> str:
    """The text as posted: the warning first, the link at its end as it is shown, unless the text holds it already."""
    parts = [warning.strip(), text, shown(link) if needs_link(text, link) else ""]
    return "\n\n".join(part for part in parts if part)


def of(act: Act) -> str:
    """What an act posts."""
    return composed(act.text, act.link, act.content_warning)


def needs_link(text: str, link: str) -> bool:
    """Whether the link has to be added."""
    return bool(link) and link not in text


def shown(link: str) -> str:
    """A link as readers see it: host and the beginning of the rest; the whole address is behind it."""
    parts = urlsplit(link)
    host = parts.hostname or ""
    rest = link.split(parts.netloc, 1)[-1] if parts.netloc else link
    if rest in ("", "/"):
        return host
    return f"{host}{rest}" if len(rest) <= LINK_SHOWN else f"{host}{rest[:LINK_SHOWN]}…"
