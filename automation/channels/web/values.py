"""What pages write for people, as values: numbers, times, addresses."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from automation.channels.web.site import Take

SIZES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_NUMBER = re.compile(r"(\d[\d.,\u00a0\u202f' ]*)\s*([kmb]\b)?", re.IGNORECASE)


def squash(text: str) -> str:
    """A text as a browser shows it: what differs only in blanks and in how letters are composed is the same."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def number(text: str) -> int | None:
    """``1,234 followers`` as 1234, ``1.2K`` as 1200; ``None`` where there is no number."""
    match = _NUMBER.search(text)
    if match is None:
        return None
    digits, size = match[1].strip(" .,'\u00a0\u202f"), (match[2] or "").lower()
    if size and (short := re.fullmatch(r"(\d+)[.,](\d{1,2})", digits)):
        return int(float(f"{short[1]}.{short[2]}") * SIZES[size])
    return int(re.sub(r"\D", "", digits)) * SIZES[size]


def moment(text: str, take: Take) -> datetime | None:
    """A time as the site file says it is written, else as ISO 8601; without an offset it is in the file's zone."""
    try:
        found = datetime.strptime(text, take.format) if take.format else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(take.zone))).astimezone(UTC)


def link(base: str, href: str) -> str:
    """An address on a page, made whole; empty unless it leads to the web."""
    whole = urljoin(base, href) if href else ""
    return whole if urlsplit(whole).scheme in ("http", "https") else ""
