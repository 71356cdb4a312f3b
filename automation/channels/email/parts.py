"""What stands in a mail, however it is encoded, nested or broken. Nothing in here trusts anything in there."""

from __future__ import annotations

import contextlib
import email
import email.header
import email.parser
import email.policy
import email.utils
import html
import re
from collections.abc import Iterator
from email.message import Message

MOST_CHARACTERS = 60_000  # of a mail's text that are looked at
MOST_PARTS = 200
BREAKING = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "blockquote", "table", "hr"})
SILENT = frozenset({"script", "style", "head", "title"})
# What the parser and its codecs raise over hostile or broken mail.
BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
    email.errors.MessageError,
)
_SPACE = re.compile(r"[ \t\r\f\v\xa0]+")
_UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TOKENS = re.compile(r"(<[/!?A-Za-z][^<>]*>)")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*|[!?])[^<>]*>")
_ID = re.compile(r"<([^<>\s]{3,900})>")


def parse(content: bytes) -> Message:
    """The mail; of one nested too deeply to read, its head."""
    if content.count(b"boundary=") <= MOST_PARTS:
        with contextlib.suppress(*BROKEN):
            return email.message_from_bytes(content, policy=email.policy.compat32)
    return email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)


def header(mail: Message, name: str, limit: int = 2_000) -> str:
    """A header as one line of text, encoded words decoded; empty when it is missing or cannot be read."""
    try:
        raw = _raw_header(mail, name)[: limit * 4]
        pieces = email.header.decode_header(raw)
        text = "".join(
            piece if isinstance(piece, str) else _decoded(piece, charset or "latin-1")
            for piece, charset in pieces
        )
    except BROKEN:
        return ""
    return " ".join(text.split())[:limit]


def _raw_header(mail: Message, name: str) -> str:
    """The header as it came; bytes beyond ASCII, which are against the rules and common, read as UTF-8."""
    found = next((str(value) for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    return found if found.isascii() else found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def ids(mail: Message, *names: str) -> list[str]:
    """The message ids in these headers, without brackets, each once, nearest first."""
    found = [one for name in names for one in reversed(_ID.findall(header(mail, name, 8_000)))]
    return list(dict.fromkeys(found))


def addresses(text: str) -> list[tuple[str, str]]:
    """Name and address of each mailbox in a header's text."""
    try:
        return [(name, address) for name, address in email.utils.getaddresses([text]) if "@" in address]
    except BROKEN:
        return []


def walk(mail: Message) -> Iterator[Message]:
    """The parts, outermost first, at most ``MOST_PARTS``; parts below a report's own are not entered."""
    waiting = [mail]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        yield part
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting = [one for one in payload if isinstance(one, Message)] + waiting


def text_of(mail: Message) -> str:
    """The mail's words: its first plain text that is no attachment, else its first HTML, made plain."""
    markup = ""
    for part in walk(mail):
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            continue
        text = content_of(part)
        if kind == "text/plain" and text.strip():
            return text
        markup = markup or text
    return from_html(markup)


def content_of(part: Message) -> str:
    """A part's text in whatever encoding it says it is, or as much as can be read of it."""
    try:
        raw = part.get_payload(decode=True)
    except BROKEN:
        return ""
    if not isinstance(raw, bytes):
        return ""
    return _decoded(raw[: MOST_CHARACTERS * 4], str(part.get_content_charset("utf-8")))[:MOST_CHARACTERS]


def from_html(markup: str) -> str:
    """The text of HTML, block by block on lines of its own; what it quotes is marked as quoted text is.

    Taken apart by one pattern that never looks at a character twice: the library's parser can be kept busy for minutes.
    """
    pieces: list[str] = []
    silent = quoted = 0
    for token in _TOKENS.split(_UNSEEN.sub("", markup)):
        tag = _TAG.match(token)
        if tag is None:
            text = "" if silent else _SPACE.sub(" ", html.unescape(token).replace("\n", " "))
            pieces.append(f"> {text}" if quoted and text.strip() else text)
            continue
        name, step = tag[2].lower(), -1 if tag[1] else 1
        silent = max(0, silent + step * (name in SILENT))
        quoted = max(0, quoted + step * (name == "blockquote"))
        pieces.append("\n" if name in BREAKING else "")
    lines = (_SPACE.sub(" ", line).strip() for line in "".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("latin-1")
