"""What a network tells of a profile, made safe to store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

COUNTS = ("followers_count", "following_count", "posts_count")
# Characters kept.
WIDTHS = {"remote_id": 255, "display_name": 255, "bio": 10_000, "language": 8, "location": 255}
ADDRESSES = {"url": 500, "website": 500, "avatar_url": 1_000}
FACTS = (*WIDTHS, *ADDRESSES, *COUNTS)
MAX_POSTS = 20
MAX_TEXT = 10_000
MAX_COUNT = 2_147_483_647


class ProfileFacts(Protocol):
    """A profile as a search, a list or a visit shows it; empty is what was not shown."""

    @property
    def handle(self) -> str: ...
    @property
    def remote_id(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def bio(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def location(self) -> str: ...
    @property
    def website(self) -> str: ...
    @property
    def avatar_url(self) -> str: ...
    @property
    def followers_count(self) -> int | None: ...
    @property
    def following_count(self) -> int | None: ...
    @property
    def posts_count(self) -> int | None: ...


class PostFacts(Protocol):
    @property
    def remote_id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def created_at(self) -> datetime | None: ...
    @property
    def language(self) -> str: ...
    @property
    def replies(self) -> int: ...


class FetchedProfile(ProfileFacts, Protocol):
    """A profile that was read from its network, recent posts included."""

    @property
    def posts(self) -> Sequence[PostFacts]: ...


def facts_of(info: ProfileFacts) -> dict[str, Any]:
    """The columns of a Profile that ``info`` fills."""
    return clean_facts({name: getattr(info, name) for name in FACTS})


def clean_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as the columns can hold them: cut to width, no NUL, only web addresses as URL, counts within
    range.

    Raises :class:`TypeError` for a name that is no fact.
    """
    unknown = set(facts) - set(FACTS)
    if unknown:
        raise TypeError(f"A profile has no {', '.join(sorted(unknown))}. Known: {', '.join(FACTS)}.")
    return {name: _fit(name, value) for name, value in facts.items()}


def posts_of(info: FetchedProfile) -> list[dict[str, Any]]:
    """Recent posts as ``Profile.recent_posts`` keeps them: in the network's order, times in ISO 8601."""
    return [
        {
            "remote_id": clean_text(post.remote_id, 255),
            "text": clean_text(post.text, MAX_TEXT),
            "url": web_address(post.url),
            "created_at": post.created_at.isoformat() if post.created_at else None,
            "language": clean_text(post.language, 8),
            "replies": post.replies,
        }
        for post in info.posts[:MAX_POSTS]
    ]


def clean_text(text: str, limit: int) -> str:
    """``text`` without what PostgreSQL cannot hold (NUL, half surrogates), ``limit`` characters at most."""
    storable = text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
    return storable.strip()[:limit]


def web_address(text: str, limit: int = 500) -> str:
    """``text`` if it is an http(s) address that fits, else nothing: it will be shown as a link."""
    address = clean_text(text, limit + 1)
    return address if address.startswith(("https://", "http://")) and len(address) <= limit else ""


def _fit(name: str, value: Any) -> Any:
    if name in COUNTS:
        return None if value is None or value < 0 else min(value, MAX_COUNT)
    if name in ADDRESSES:
        return web_address(value, ADDRESSES[name])
    return clean_text(value, WIDTHS[name])
