"""One text as the two forms a message has: plain and HTML, each with the way to say no."""

from __future__ import annotations

import html
import re
import unicodedata

# Words that no rule for reading answers takes for a no, since answers quote them.
INVITATION = "If you would rather not hear from me,"
ONE_CLICK = "one click is enough"

_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'’”]")
_HTML = '<!doctype html><html><body style="font-family: sans-serif; line-height: 1.5">{}</body></html>'
_FOOTER = '<p style="color: #666; font-size: 85%">{} <a href="{}">{}</a>.</p>'


def plain(text: str, no_link: str = "") -> str:
    """The text as it is, and below it the way to say no."""
    body = _storable(text).strip()
    return f"{body}\n\n\n{INVITATION} {ONE_CLICK}: {no_link}\n" if no_link else f"{body}\n"


def as_html(text: str, no_link: str = "") -> str:
    """The same as HTML: everything escaped, blank lines part paragraphs, web addresses become links."""
    paragraphs = re.split(r"\n\s*\n", _storable(text).strip())
    parts = [f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs if paragraph.strip()]
    if no_link:
        parts.append(_FOOTER.format(html.escape(INVITATION), html.escape(no_link), html.escape(ONE_CLICK)))
    return _HTML.format("".join(parts))


def one_line(text: str, limit: int = 200) -> str:
    """Text fit for a header: no line breaks, control characters or half surrogates, ``limit`` characters at most."""
    kept = "".join(" " if char.isspace() else char for char in _storable(text))
    return " ".join("".join(char for char in kept if unicodedata.category(char) != "Cc").split())[:limit]


def _linked(paragraph: str) -> str:
    """Escaped piece by piece, so that no address is cut by an entity and no markup survives."""
    pieces, end = [], 0
    for found in _ADDRESS.finditer(paragraph):
        pieces += [
            _escaped(paragraph[end : found.start()]),
            f'<a href="{html.escape(found[0])}">{html.escape(found[0])}</a>',
        ]
        end = found.end()
    return "".join([*pieces, _escaped(paragraph[end:])])


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _storable(text: str) -> str:
    """Without what no mail can carry: half surrogates and NUL; line ends are newlines."""
    whole = text.encode("utf-8", "ignore").decode("utf-8").replace("\0", "")
    return whole.replace("\r\n", "\n").replace("\r", "\n")
