"""Where to begin on a network nobody has looked at yet: searches and words by niche, in ``seeds.toml`` of its channel.

They are public topics, never named people. One table a niche::

    [coffee]
    searches = ["#coffee", "home espresso"]     read page by page, in this order
    keywords = ["coffee", "espresso"]           whoever mentions one and posts fits, until better rules are written

    [unfit]
    keywords = ["official shop"]                whoever mentions one does not fit, whatever else they mention
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from automation.channels import registry

UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Niche:
    """What to search for, and what tells that somebody fits."""

    name: str
    searches: tuple[str, ...]
    keywords: tuple[str, ...]


def niches(network: str) -> dict[str, Niche]:
    """The niches a network has seeds for, by name; none where its channel brings no file.

    Raises :class:`ValueError` for a file that is not as described above, naming the place.
    """
    return {
        name: Niche(name, _words(network, name, table, "searches"), _words(network, name, table, "keywords"))
        for name, table in _tables(network).items()
        if name != UNFIT
    }


def unfit(network: str) -> tuple[str, ...]:
    """Words of those who do not fit on a network, whatever the niche; none where its seeds name none.

    Raises :class:`ValueError` as :func:`niches` does.
    """
    tables = _tables(network)
    return _words(network, UNFIT, tables[UNFIT], "keywords") if UNFIT in tables else ()


def _tables(network: str) -> dict[str, object]:
    return tomllib.loads(registry.text_of(network, "seeds.toml"))


def _words(network: str, name: str, table: object, key: str) -> tuple[str, ...]:
    words = table.get(key) if isinstance(table, dict) else None
    if not isinstance(words, list) or not words or not all(isinstance(one, str) and one for one in words):
        raise ValueError(f"seeds.toml of {network}: [{name}] needs {key}, a list of words.")
    return tuple(words)
