"""Text from outside as data: cleaned of what people cannot see, cut to length, and fenced in by JSON.

A stranger's words can only ever stand inside a JSON string, which they cannot end: quotes, backslashes and line ends in
them are escaped.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

# Seen as nothing, though not of a category that says so: fillers, blanks, variation selectors.
BLANKS = dict.fromkeys(
    (
        0x034F,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        0x2800,
        0x3164,
        0xFFA0,
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)
# Format (zero width, bidirectional, tags), control, surrogates, private use, unassigned.
UNSEEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})
STACKED = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)


def clean(text: str, longest: int) -> str:
    """``text`` as people see it, on one line, at most ``longest`` characters.

    Invisible, bidirectional, tag and control characters go; so do marks stacked more than three high.
    """
    # Bounded first, so that a megabyte costs nothing; what is invisible may not push the rest out entirely.
    seen = unicodedata.normalize("NFC", text[: longest * 8])
    spaced = "".join(" " if character.isspace() else character for character in seen.translate(BLANKS))
    visible = "".join(c for c in spaced if unicodedata.category(c) not in UNSEEN)
    return " ".join(STACKED.sub(r"\1", visible).split())[:longest].rstrip()


def hidden(text: str) -> bool:
    """Whether the text has characters that only a machine reads, beyond what emoji and scripts need."""
    tags = any(0xE0000 <= ord(c) <= 0xE007F for c in text)
    overrides = any(c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068" for c in text)
    nothings = sum(c in "\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u2800\u3164" for c in text)
    selectors = sum(0xFE00 <= ord(c) <= 0xFE0E or 0xE0100 <= ord(c) <= 0xE01EF for c in text)
    flags = sum(
        ord(c) == 0x1F3F4 for c in text
    )  # the flags of England, Scotland and Wales are written in tags
    return (tags and not flags) or overrides or nothings > 3 or selectors > 6


def fenced(material: Any) -> str:
    """Strangers' words for a prompt: JSON in its shortest form, everything of theirs inside strings."""
    return json.dumps(material, ensure_ascii=False, separators=(",", ":"))


def quotes(evidence: str, text: str) -> bool:
    """Whether ``evidence`` stands literally in ``text``; letters' case and spaces may differ, words may not."""
    wanted = " ".join(evidence.casefold().split())
    return bool(wanted) and wanted in " ".join(text.casefold().split())
