"""Where to begin on a network nobody has looked at yet: searches and words by niche, in ``seeds.toml`` of its channel.

They are public topics, never named people. One table a niche::

    [coffee]
    searches = ["#coffee", "home espresso"]     read page by page, in this order
    keywords = ["coffee", "espresso"]           whoever mentions one fits, until better rules are written
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from automation.channels import registry


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
    text = registry.text_of(network, "seeds.toml")
    return {name: _niche(network, name, table) for name, table in tomllib.loads(text).items()}


def _niche(network: str, name: str, table: object) -> Niche:
    lists = table if isinstance(table, dict) else {}
    for key in ("searches", "keywords"):
        words = lists.get(key)
        if not isinstance(words, list) or not words or not all(isinstance(one, str) and one for one in words):
            raise ValueError(f"seeds.toml of {network}: [{name}] needs {key}, a list of words.")
    return Niche(name, tuple(lists["searches"]), tuple(lists["keywords"]))
