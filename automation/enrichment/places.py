"""Countries by what people write: names, places, flags, endings of sites, languages spoken in one country only.

``countries.tsv`` holds a country a line: its code, the ending of its sites (empty where it is sold to everybody), languages
that are hardly written elsewhere, names, and places of a quarter of a million people or more whose name is not also that of
a place nearly as large elsewhere. Places are from GeoNames (geonames.org, CC BY 4.0), names from ISO 3166.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("countries.tsv")
LONGEST = 300  # characters of a text that are looked at
FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
SEVERAL = re.compile(r"\s*(?:/|\||&|\+|→|➡|✈|⇄|↔|·|•|;|\band\b|\bund\b|\by\b|\bet\b)\s*")
PIECES = re.compile(r"\s*[,()\u2013\u2014]\s*|\s+-\s+")
PIN = re.compile(r"📍\s*([^|•·\n]{2,60})")
SAID = re.compile(
    r"\b(?:based|living|live|located|born and raised|raised|working|baking|roasting|writing)\s+(?:in|from|near)"
    r"\s+([^|•·\n.!?;]{2,40})"
    r"|\b(?:from|à|aus|desde|da|w|v|i|in|en)\s+((?:[^\W\d_][\w'-]*\s?){1,3})",
    re.IGNORECASE,
)
# States and what they are called for short; a name alone does for all but Georgia, which is a country, too.
STATES = {
    "al": "alabama", "ak": "alaska", "az": "arizona", "ar": "arkansas", "ca": "california", "co": "colorado",
    "ct": "connecticut", "de": "delaware", "fl": "florida", "ga": "", "hi": "hawaii", "id": "idaho", "il": "illinois",
    "in": "indiana", "ia": "iowa", "ks": "kansas", "ky": "kentucky", "la": "louisiana", "me": "maine", "md": "maryland",
    "ma": "massachusetts", "mi": "michigan", "mn": "minnesota", "ms": "mississippi", "mo": "missouri", "mt": "montana",
    "ne": "nebraska", "nv": "nevada", "nh": "new hampshire", "nj": "new jersey", "nm": "new mexico", "ny": "new york",
    "nc": "north carolina", "nd": "north dakota", "oh": "ohio", "ok": "oklahoma", "or": "oregon", "pa": "pennsylvania",
    "ri": "rhode island", "sc": "south carolina", "sd": "south dakota", "tn": "tennessee", "tx": "texas", "ut": "utah",
    "vt": "vermont", "va": "virginia", "wa": "washington", "wv": "west virginia", "wi": "wisconsin", "wy": "wyoming",
    "dc": "district of columbia",
}  # fmt: skip
STATE_NAMES = frozenset(filter(None, STATES.values()))
UNITED_STATES = "US"
TWICE = frozenset({"georgia"})  # names of a country and of a state


@dataclass(frozen=True, slots=True)
class Table:
    """What leads to a country's code; names and cities are folded."""

    codes: frozenset[str]
    names: dict[str, str]
    cities: dict[str, str]
    endings: dict[str, str]
    languages: dict[str, str]


@cache
def table() -> Table:
    """The table, read by whoever asks first."""
    names: dict[str, str] = {}
    cities: dict[str, str] = {}
    endings: dict[str, str] = {}
    languages: dict[str, str] = {}
    codes = set()
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        code, ending, spoken, called, places = line.split("\t")
        codes.add(code)
        names |= {folded(name): code for name in called.split("|") if name}
        cities |= {folded(place): code for place in places.split("|") if place}
        endings |= {ending: code} if ending else {}
        languages |= dict.fromkeys(spoken.split(), code)
    return Table(frozenset(codes), names, cities, endings, languages)


def folded(text: str) -> str:
    """Without case, accents and punctuation, one space between words."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", "".join(sign for sign in text if not unicodedata.combining(sign)))
    return " ".join(re.sub(r"[^\w]+", " ", text.casefold()).split())


@lru_cache(maxsize=4_096)  # people share places
def of_location(text: str) -> str:
    """The country of a place as profiles name it ("Portland, OR", "Köln", "Berlin / Wien"); empty when unclear or several."""
    if not text.strip():
        return ""
    if flag := of_flags(text):
        return flag
    found = {place for part in SEVERAL.split(text[:LONGEST]) if (place := _of_one(part))}
    return found.pop() if len(found) == 1 else ""


def of_flags(text: str) -> str:
    """The country whose flag stands in a text, if it is one country's."""
    if text.isascii():
        return ""
    codes = {"".join(chr(ord(sign) - 0x1F1E6 + 65) for sign in flag) for flag in FLAG.findall(text[:LONGEST])}
    known = codes & table().codes
    return known.pop() if len(known) == 1 else ""


def of_bio(text: str) -> str:
    """The country of the places a bio says somebody is in or from; empty when it names several or none."""
    found = set()
    for match in PIN.finditer(text[:LONGEST]):
        found.add(of_location(match[1]))
    for match in SAID.finditer(text[:LONGEST]):
        found.add(_beginning(match[1] or match[2]))
    found.discard("")
    return found.pop() if len(found) == 1 else ""


def of_host(host: str) -> str:
    """The country of a site's ending, such as ``.de``; endings that everybody uses say nothing."""
    return table().endings.get(host.rpartition(".")[2].casefold(), "") if host else ""


def of_language(language: str) -> str:
    """The one country where a language is mostly written; empty for languages of several."""
    return table().languages.get(language, "")


def _of_one(text: str) -> str:
    """The country of one place: what stands last is the largest, so it decides; a city decides over two letters."""
    pieces = [piece for piece in PIECES.split(text) if piece.strip()]
    known, folds = table(), [folded(piece) for piece in pieces]
    city = next((known.cities[fold] for fold in folds if fold in known.cities), "")
    for fold in reversed(folds):
        if fold in TWICE and city:
            return city
        if fold in known.names:
            return known.names[fold]
        if fold in STATE_NAMES and len(folds) > 1:
            return UNITED_STATES
    return city or _of_letters(pieces) or (UNITED_STATES if folds and folds[-1] in STATE_NAMES else "")


def _of_letters(pieces: list[str]) -> str:
    """The country of a code in capitals; after the name of a place, one that is a state's, too, is a state's."""
    last = pieces[-1].strip() if pieces else ""
    if len(last) != 2 or not last.isupper():
        return ""
    if len(pieces) > 1 and last.casefold() in STATES:
        return UNITED_STATES
    return last if last in table().codes else ""


def _beginning(text: str) -> str:
    """The country of the longest beginning of a text, up to three words, that is a place."""
    words = PIECES.split(text)[0].split()
    known = table()
    for length in range(min(3, len(words)), 0, -1):
        fold = folded(" ".join(words[:length]))
        place = known.names.get(fold) or known.cities.get(fold)
        if place and words[0][:1].isupper() | (not words[0].isascii()):
            return place
    return ""
