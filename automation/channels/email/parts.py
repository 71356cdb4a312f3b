"""What stands in a mail, however it is encoded, nested or broken. Nothing in here trusts anything in there."""

from __future__ import annotations

import email
import email.header
import email.parser
import email.policy
import email.utils
import re
from collections.abc import Iterator
from email.message import Message
from html.parser import HTMLParser

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
_ID = re.compile(r"<([^<>\s]{3,900})>")


def parse(content: bytes) -> Message:
    """The mail; of one nested too deeply to read, its head."""
    try:
        return email.message_from_bytes(content, policy=email.policy.compat32)
    except BROKEN:
        return email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)


def header(mail: Message, name: str, limit: int = 2_000) -> str:
    """A header as one line of text, encoded words decoded; empty when it is missing or cannot be read."""
    try:
        raw = str(mail.get(name, "") or "")[: limit * 4]
        pieces = email.header.decode_header(raw)
        text = "".join(
            piece if isinstance(piece, str) else _decoded(piece, charset or "latin-1")
            for piece, charset in pieces
        )
    except BROKEN:
        return ""
    return " ".join(text.split())[:limit]


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
    html = ""
    for part in walk(mail):
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            continue
        text = content_of(part)
        if kind == "text/plain" and text.strip():
            return text
        html = html or text
    return from_html(html)


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
    """The text of HTML, block by block on lines of its own; what it quotes is marked as quoted text is."""
    reader = _Reader()
    try:
        reader.feed(markup)
        reader.close()
    except BROKEN:
        return ""
    lines = (_SPACE.sub(" ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        self._quoted += tag == "blockquote"
        if tag in BREAKING:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in SILENT))
        self._quoted = max(0, self._quoted - (tag == "blockquote"))
        if tag in BREAKING:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        text = _SPACE.sub(" ", data.replace("\n", " "))
        self.pieces.append(f"> {text}" if self._quoted and text.strip() else text)


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("latin-1")
