"""What a post says, as servers count it. Light: forms ask for lengths without loading the client."""

from __future__ import annotations

import re

LONGEST = 500  # characters: the default of max_characters; servers may allow more
LINK_LENGTH = 23  # every link counts as so many characters, however long it is
LINK = re.compile(r"https?://\S+", re.IGNORECASE)
REMOTE_MENTION = re.compile(r"(?<![\w/@])(@\w+)@[\w.-]+\w")  # only the name counts, not its server


def length(text: str, link: str = "", warning: str = "") -> int:
    """How long a post is, in characters as Mastodon counts them; its warning counts too."""
    plain = REMOTE_MENTION.sub(r"\1", LINK.sub("x" * LINK_LENGTH, composed(text, link)))
    return len(plain) + len(warning.strip())


def composed(text: str, link: str) -> str:
    """The text as posted: with the link at its end, unless it holds it already."""
    if not link or link in text:
        return text
    return f"{text}\n\n{link}".strip()
