"""What a page says, taken from its HTML. Everything in it is outside text: data, never markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_TEXT = 20_000  # characters
MOST_LINKS = 200
MOST_EMAILS = 20
SILENT = ("script", "style", "noscript", "template", "svg", "iframe", "head")
LITTLE_TEXT = 200  # characters; less, together with scripts, is a page that is written by its scripts
CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
EMAIL = re.compile(
    r"(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}\b",
    re.IGNORECASE,
)
# What looks like an address and is the name of a file, and addresses that stand in every example.
NO_DOMAINS = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|avif|css|js|woff2?)$|(^|\.)example\.(com|org|net)$", re.IGNORECASE
)
LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link leads, absolute, and what it says."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page as read: ``url`` is the address in the end, ``language`` what the page calls its own (``de``) or empty.

    ``is_rendered``: a browser ran its scripts. ``is_cut``: there was more than we read.
    """

    url: str
    title: str = ""
    description: str = ""
    text: str = ""
    language: str = ""
    emails: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    is_rendered: bool = False
    is_cut: bool = False


def decoded(content: bytes, charset: str) -> str:
    """The text of a page, by what the server says, else the page, else UTF-8, else the old western one."""
    declared = CHARSET.search(content[:2048])
    names = [charset, declared[1].decode("ascii", "replace") if declared else "", "utf-8"]
    for name in filter(None, names):
        try:
            return content.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("cp1252", "replace")


def plain(text: str, url: str, *, is_cut: bool = False) -> Page:
    """A page that is no HTML."""
    return Page(url, text=_tidy(text)[:MOST_TEXT], emails=_emails_in(text), is_cut=is_cut)


def parsed(html: str, url: str, *, is_rendered: bool = False, is_cut: bool = False) -> Page:
    """A page from its HTML."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - 2 MB in each worker that reads a page

    tree = LexborHTMLParser(html)
    title = _text(tree.css_first("title")) or _meta(tree, "og:title")
    description = _meta(tree, "description") or _meta(tree, "og:description")
    language, links, mail = _language(tree), _links(tree, url), _mail_links(tree)
    tree.strip_tags(list(SILENT))
    body = tree.body.text(separator="\n", strip=True) if tree.body else ""
    text = _tidy(body)
    emails = tuple(dict.fromkeys((*mail, *_emails_in(text))))[:MOST_EMAILS]
    return Page(
        url, title[:300], description[:1000], text[:MOST_TEXT], language, emails, links, is_rendered, is_cut
    )


def needs_scripts(html: str, page: Page) -> bool:
    """Whether the page is empty until its scripts have run."""
    return len(page.text) < LITTLE_TEXT and "<script" in html.lower()


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.replace("\x00", "").splitlines())
    return "\n".join(line for line in lines if line)


def _text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""


def _meta(tree: LexborHTMLParser, name: str) -> str:
    for node in tree.css("meta[name][content], meta[property][content], meta[http-equiv][content]"):
        given = node.attributes
        if name in (given.get("name"), given.get("property"), (given.get("http-equiv") or "").lower()):
            return " ".join((given.get("content") or "").split())
    return ""


def _language(tree: LexborHTMLParser) -> str:
    root = tree.css_first("html")
    said = (root.attributes.get("lang") or "") if root is not None else ""
    said = said or _meta(tree, "content-language") or _meta(tree, "og:locale")
    match = LANGUAGE.match(said.strip().lower())
    return match[0] if match else ""


def _links(tree: LexborHTMLParser, base: str) -> tuple[Link, ...]:
    found: dict[str, str] = {}
    for node in tree.css("a[href]"):
        try:
            whole = urljoin(base, (node.attributes.get("href") or "").strip()).partition("#")[0]
            if urlsplit(whole).scheme in ("http", "https") and len(whole) <= 2000:
                found.setdefault(whole, _text(node)[:200])
        except ValueError:
            continue  # no address at all
        if len(found) == MOST_LINKS:
            break
    return tuple(Link(url, text) for url, text in found.items())


def _mail_links(tree: LexborHTMLParser) -> list[str]:
    hrefs = (node.attributes.get("href") or "" for node in tree.css("a[href^='mailto:' i]"))
    return [email for href in hrefs for email in _emails_in(unquote(href[7:].partition("?")[0]))]


def _emails_in(text: str) -> tuple[str, ...]:
    found = (match[0].lower() for match in EMAIL.finditer(text[:500_000]))
    usable = (
        email for email in found if len(email) <= 254 and not NO_DOMAINS.search(email.partition("@")[2])
    )
    return tuple(dict.fromkeys(usable))[:MOST_EMAILS]
