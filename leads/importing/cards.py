"""vCards (2.1, 3.0, 4.0), turned into the rows of a table, one card at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

UNREADABLE = "what is wrong with the card"  # a column of ours: says why a card could not be read
COLUMNS = (
    "display_name",
    "first_name",
    "last_name",
    "company",
    "title",
    "website",
    "email",
    "tags",
    UNREADABLE,
)
MAX_CARD = 200_000  # characters of one card without its pictures
# Pictures, sounds and keys make up most of a card and mean nothing to us.
SKIPPED = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)
TOO_LONG = f"The card is longer than {MAX_CARD:,} characters."


def read_cards(lines: Iterable[str]) -> Iterator[list[str]]:
    """A row in the order of ``COLUMNS`` for each card; one that cannot be read says why in the last cell."""
    card: list[str] | None = None
    size, skipping = 0, False
    for line in lines:
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            card, size, skipping = [line], len(line), False
            continue
        if card is None:
            continue
        skipping = SKIPPED.match(line) is not None or (skipping and line[:1] in (" ", "\t"))
        if not skipping:
            size += len(line)
            if size <= MAX_CARD:
                card.append(line)
        if word == "END:VCARD":
            yield _unreadable(TOO_LONG) if size > MAX_CARD else _row("".join(card))
            card = None
    if card is not None:
        yield _unreadable("The card has no end.")


def _row(text: str) -> list[str]:
    import vobject  # noqa: PLC0415 - 10 MB that only vCards need

    try:
        card = vobject.readOne(text, validate=False, allowQP=True)
    except Exception as error:  # noqa: BLE001 - its parser raises whatever a hostile card makes it stumble over
        return _unreadable(f"The card cannot be read: {type(error).__name__}.")
    if card is None:
        return _unreadable("The card is empty.")
    name = _first(card, "n")
    company = _first(card, "org")
    return [
        _text(_first(card, "fn")),
        _text(getattr(name, "given", "")),
        _text(getattr(name, "family", "")),
        _text(company[0] if isinstance(company, list) and company else company),
        _text(_first(card, "title")),
        _text(_first(card, "url")),
        ";".join(_text(line.value) for line in card.contents.get("email", [])),
        ";".join(_text(line.value).replace(",", ";") for line in card.contents.get("categories", [])),
        "",
    ]


def _first(card: Any, name: str) -> Any:
    lines = card.contents.get(name)
    return lines[0].value if lines else ""


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ";".join(map(_text, value))
    return " ".join(str(value or "").split())


def _unreadable(why: str) -> list[str]:
    return [*("" for _ in COLUMNS[:-1]), why]
