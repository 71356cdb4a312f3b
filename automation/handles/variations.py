"""Ways to write the team's own brand as a handle, best first, in the letters each network takes. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from outreach.lib.networks import Handles

MOST = 12
BEFORE = ("get", "the", "hello", "team")
AFTER = ("hq", "official", "app", "co", "team")


def variations(brand: str, shape: Handles | None = None, *, most: int = MOST) -> list[str]:
    """At most ``most`` handles for ``brand`` in a network's ``shape``, each once, best first; empty if none can be written.

    >>> variations("Blue Kettle", most=3)
    ['bluekettle', 'blue_kettle', 'getbluekettle']
    """
    shape = shape or Handles()
    words = _words(brand)
    fitting = (
        f"{handle}{shape.suffix}"
        for handle in _candidates(words, shape)
        if shape.shortest <= len(handle) <= shape.longest
    )
    return list(islice(dict.fromkeys(fitting), most))


def _words(brand: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", brand.replace("ß", "ss").replace("&", " and ").replace("'", ""))
    return re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode().casefold())


def _candidates(words: list[str], shape: Handles) -> Iterator[str]:
    if not words:
        return
    whole = "".join(words)
    yield whole[: shape.longest]
    if len(words) > 1:
        yield from (joiner.join(words) for joiner in shape.joiners)
    for before, after in zip((*BEFORE, ""), AFTER, strict=True):
        if before:
            yield f"{before}{whole}"
        yield f"{whole}{after}"
    joiner = shape.joiners[0]
    yield from (f"{whole}{joiner}{after}" for after in AFTER)
    if len(words) > 1:
        yield "".join(words[:-1])
        yield "".join(word[0] for word in words)
