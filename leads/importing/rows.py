"""What one row says about one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from leads.addresses import normalise
from leads.consent import Address
from leads.formulas import undo_defusing
from leads.importing.cards import UNREADABLE
from leads.importing.mapping import TAGS, is_address
from leads.importing.read import Row
from leads.models import Person
from leads.services.tags import clean_name
from outreach.lib import networks

EMPTY = "The row is empty."
EXAMPLE_CODES = {"country": "DE", "language": "de"}


@dataclass(slots=True)
class Entry:
    """A row as we understand it. A ``problem`` keeps it out; ``remarks`` are told and do not."""

    number: int
    addresses: list[Address] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problem: str = ""


Take = Callable[[Entry, str], None]  # a cell that says something; ValueError for one that spoils its row


class Reader:
    """Understands the rows of one file: what each of its columns means is settled once, not for every cell."""

    def __init__(self, header: Sequence[str], mapping: Mapping[str, str]) -> None:
        self._columns: list[tuple[int, Take]] = []
        for place, name in enumerate(header):
            if name == UNREADABLE:
                self._columns.append((place, _refuse))
            elif target := mapping.get(name):
                self._columns.append((place, _taker(target)))

    def entry(self, row: Row) -> Entry:
        """The row's addresses (normalised), filled fields and tags; what is wrong first as its problem."""
        cells = row.cells
        entry = Entry(row.number, problem=row.problem or ("" if cells else EMPTY))
        if entry.problem:
            return entry
        try:
            for place, take in self._columns:
                if (cell := cells[place]) and (value := undo_defusing(cell).strip()):
                    take(entry, value)
            if not entry.addresses:
                raise ValueError("The row has no e-mail address and no handle.")
        except ValueError as error:
            entry.problem = str(error)
        return entry


def _taker(target: str) -> Take:
    """What to do with the cells of a column that means ``target``."""
    if is_address(target):
        known = networks.get(target) if target in networks.names() else None
        if known is not None and known.handles_name_their_server:
            return partial(_take_addresses, target, known.label)
        return partial(_take_addresses, target, "")
    if target == TAGS:
        return _take_tags
    if target == "website":
        return _take_website
    return partial(_take_code if target in EXAMPLE_CODES else _take_field, target, _width(target))


def _refuse(entry: Entry, value: str) -> None:
    raise ValueError(value)


def _take_addresses(network: str, servers_of: str, entry: Entry, value: str) -> None:
    """``servers_of`` is the label of a network whose handles name their server, else empty."""
    for part in value.split(";") if ";" in value else (value,):
        if part.strip():
            handle = normalise(network, part)
            if servers_of and "@" not in handle:
                raise ValueError(
                    f'"{handle}" does not name its server: on {servers_of} write {handle}@ and the server, such as '
                    f"{handle}@example.social."
                )
            if (address := (network, handle)) not in entry.addresses:
                entry.addresses.append(address)


def _take_tags(entry: Entry, value: str) -> None:
    entry.tags += [_tag(part) for part in value.replace(",", ";").split(";") if part.strip()]


_tag = lru_cache(maxsize=1_000)(clean_name)


def _take_website(entry: Entry, value: str) -> None:
    if address := _website(value):
        entry.fields.setdefault("website", address)
    else:
        entry.remarks.append("The website is not a web address and was left out.")


def _take_code(name: str, width: int, entry: Entry, value: str) -> None:
    if len(value) > width:
        entry.remarks.append(f"The {name} is not a code such as {EXAMPLE_CODES[name]}; left out.")
    else:
        entry.fields.setdefault(name, value.upper() if name == "country" else value)


def _take_field(name: str, width: int, entry: Entry, value: str) -> None:
    if len(value) > width and name not in entry.fields:
        raise ValueError(f"The column {name} is longer than {width} characters.")
    entry.fields.setdefault(name, value)


@lru_cache(maxsize=10_000)  # files of one company's people name its website again and again
def _website(value: str) -> str:
    address = value if "://" in value else f"https://{value}"
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        return ""
    return address if len(address) <= _width("website") else ""


@cache
def _width(name: str) -> int:
    width = getattr(Person._meta.get_field(name), "max_length", None)
    return int(width or 0)
