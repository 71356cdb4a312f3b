"""From Mastodon's JSON to the channel's dataclasses. Servers of the family leave fields out, so nothing is required."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from automation.channels.base import Inbound, PostInfo, PostMetrics, ProfileInfo
from automation.channels.line import moment

Json = Mapping[str, Any]

MENTION = r"@[\w.-]*\w(?:@[\w.:-]*\w)?"
_LEADING_MENTIONS = re.compile(rf"^(?:\s*{MENTION}(?=\s|$))+\s*")
_MENTIONS = re.compile(MENTION)
_PUBLIC_DOMAIN = re.compile(r"(?:[^\s.:/@]+\.)+[^\s.:/@\d][^\s.:/@]*")
_LINK = re.compile(r"""href=["'](https?://[^"'\s<>]{4,480})["']""")
PUBLIC = ("public", "unlisted")


class _Text(HTMLParser):
    BREAKS = {"br": "\n", "p": "\n\n", "div": "\n", "li": "\n", "blockquote": "\n\n"}
    HIDDEN = ("script", "style")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self.HIDDEN
        self.parts.append(self.BREAKS.get(tag, ""))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self.HIDDEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(html: str | None) -> str:
    """The words of an HTML fragment; paragraphs are blank lines, line breaks stay."""
    parser = _Text()
    parser.feed(html or "")
    parser.close()
    lines = [" ".join(line.split()) for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def without_leading_mentions(text: str) -> str:
    """The text after the @names a reply begins with."""
    return _LEADING_MENTIONS.sub("", text)


def fingerprint(text: str) -> str:
    """What is left of a text whatever a server makes of it: its letters, digits and emoji, without mentions.

    Servers turn Markdown into markup, shorten mentions and links, change quotes and spaces. A text of nothing but
    signs keeps them.
    """
    plain = unicodedata.normalize("NFKC", _MENTIONS.sub(" ", text)).casefold()
    return "".join(filter(_lasting, plain)) or "".join(plain.split())


def _lasting(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LN" or category == "So"


def is_public_domain(domain: str) -> bool:
    """Whether a domain means the same everywhere: ``localhost:3000`` and bare addresses do not."""
    return _PUBLIC_DOMAIN.fullmatch(domain) is not None


def full_handle(acct: str, domain: str) -> str:
    """``user@server``: a server writes its own users without the server, which on another server is somebody else.

    Users of a server without a public domain (a laptop's) stay short; nobody elsewhere could know them.
    """
    user, _, server = acct.lstrip("@").partition("@")
    server = server or domain
    return f"{user}@{server}" if is_public_domain(server) else user


def local_handle(handle: str, domain: str) -> str:
    """The handle as the server at ``domain`` writes it: its own users are short."""
    user, _, server = handle.strip().lstrip("@").partition("@")
    return f"{user}@{server}" if server and server.casefold() != domain.casefold() else user


def id_of(entity: Json | None) -> str:
    """An id as text: numbers on Mastodon, ULIDs or flakes elsewhere; empty when there is none."""
    found = (entity or {}).get("id")
    return "" if found is None else str(found)


def when(value: Any) -> datetime | None:
    """A time of the API, aware; ``None`` when there is none or it is unreadable."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return moment(value) if isinstance(value, str) else None


def count(value: Any) -> int | None:
    """A number that a server told; ``None`` for anything else."""
    return value if isinstance(value, int) and value >= 0 else None


def profile_of(account: Json, domain: str, posts: tuple[PostInfo, ...] = ()) -> ProfileInfo:
    """An account as a profile; its language is the one most of its posts are in."""
    languages = Counter(post.language for post in posts if post.language)
    handle = full_handle(account.get("acct") or account.get("username") or "", domain)
    return ProfileInfo(
        handle=handle,
        remote_id=id_of(account),
        display_name=account.get("display_name") or "",
        bio=text_of(account.get("note")),
        url=account.get("url") or "",
        language=languages.most_common(1)[0][0] if languages else "",
        website=website_of(account),
        avatar_url=account.get("avatar_static") or account.get("avatar") or "",
        followers_count=count(account.get("followers_count")),
        following_count=count(account.get("following_count")),
        posts_count=count(account.get("statuses_count")),
        posts=posts,
    )


def website_of(account: Json) -> str:
    """The first of the profile's own links that was proved to be theirs, else the first one."""
    found = ""
    for field in account.get("fields") or ():
        link = _LINK.search(str(field.get("value") or "")) if isinstance(field, Mapping) else None
        if link and field.get("verified_at"):
            return link[1]
        found = found or (link[1] if link else "")
    return found


def post_of(status: Json) -> PostInfo:
    """A status as a post, its content warning first."""
    return PostInfo(
        remote_id=id_of(status),
        text=words_of(status),
        url=status.get("url") or status.get("uri") or "",
        created_at=when(status.get("created_at")),
        language=status.get("language") or "",
        replies=count(status.get("replies_count")) or 0,
        likes=count(status.get("favourites_count")),
    )


def words_of(status: Json) -> str:
    """What a status says: its content warning, a blank line, its text."""
    warning = (status.get("spoiler_text") or "").strip()
    return "\n\n".join(part for part in (warning, text_of(status.get("content"))) if part)


def metrics_of(status: Json, remote_id: str) -> PostMetrics:
    """A status's figures; nobody counts views here."""
    return PostMetrics(
        remote_id=remote_id,
        likes=count(status.get("favourites_count")) or 0,
        reposts=count(status.get("reblogs_count")) or 0,
        replies=count(status.get("replies_count")) or 0,
    )


def inbound_of(notification: Json, domain: str) -> Inbound | None:
    """A mention as a message: ``remote_id`` is their status, ``post_id`` the status it answers, if any.

    ``None`` when it is no mention, or its status is gone.
    """
    status = notification.get("status")
    author = notification.get("account") or (status or {}).get("account")
    if notification.get("type") != "mention" or not status or not author:
        return None
    sent_at = when(status.get("created_at")) or when(notification.get("created_at")) or datetime.now(UTC)
    parent = status.get("in_reply_to_id")
    return Inbound(
        remote_id=id_of(status),
        kind="dm" if status.get("visibility") == "direct" else "comment",
        handle=full_handle(author.get("acct") or author.get("username") or "", domain),
        text=without_leading_mentions(words_of(status)),
        sent_at=sent_at,
        sender_id=id_of(author),
        sender_name=author.get("display_name") or "",
        post_id="" if parent is None else str(parent),
        automatic=bool(author.get("bot")),
    )
