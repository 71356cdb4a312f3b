"""What a network says reaches people and logs. Some repeat what they were sent, so our secrets are blotted out of it first."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 8  # characters; less, in base64, is found where nothing secret stands
_CODED = "[A-Za-z0-9+/_=-]*"


def hide(text: str, *secrets: str) -> str:
    """``text`` without ``secrets``: as they are, as forms and addresses write them, and in base64, as headers do.

    The longest go first: a short one may be part of another, and what is left of that would be found no more.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in sorted({secret, quote(secret, safe=""), quote_plus(secret)}, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        if len(secret) >= SHORTEST:
            for core in _cores(secret.encode(errors="replace")):
                text = re.sub(f"{_CODED}{core}{_CODED}", HIDDEN, text)
    return text


def _cores(secret: bytes) -> Iterator[str]:
    """The part of a secret's base64 that does not depend on what stands around it, for each of three places to begin at."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret).decode()
        core = coded[-(-before * 4 // 3) : (before + len(secret)) * 4 // 3]
        yield re.escape(core).replace(r"\+", "[+-]").replace("/", "[/_]")
