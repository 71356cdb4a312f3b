"""What one row says about one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from leads.addresses import normalise
from leads.consent import Address
from leads.exporting import undo_defusing
from leads.importing.mapping import TAGS, is_address
from leads.importing.read import Row
from leads.models import Person
from leads.services.tags import clean_name

EMPTY = "The row is empty."


@dataclass(slots=True)
class Entry:
    """A row as we understand it. A ``problem`` keeps it out; ``remarks`` are told and do not."""

    number: int
    addresses: list[Address] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problem: str = ""


def understand(row: Row, header: Sequence[str], mapping: Mapping[str, str]) -> Entry:
    """The row's addresses (normalised), filled fields and tags; what is wrong first as its problem."""
    entry = Entry(row.number, problem=row.problem or ("" if row.cells else EMPTY))
    if entry.problem:
        return entry
    try:
        for name, cell in zip(header, row.cells, strict=True):
            _take(entry, mapping.get(name, ""), undo_defusing(cell).strip())
        if not entry.addresses:
            raise ValueError("The row has no e-mail address and no handle.")
    except ValueError as error:
        entry.problem = str(error)
    return entry


def _take(entry: Entry, target: str, value: str) -> None:
    if not value or not target:
        return
    if is_address(target):
        _take_addresses(entry, target, value)
    elif target == TAGS:
        entry.tags += [clean_name(part) for part in value.replace(",", ";").split(";") if part.strip()]
    elif target not in entry.fields:
        _take_field(entry, target, value)


def _take_addresses(entry: Entry, network: str, value: str) -> None:
    for part in value.split(";"):
        if part.strip():
            address = (network, normalise(network, part))
            if address not in entry.addresses:
                entry.addresses.append(address)


def _take_field(entry: Entry, name: str, value: str) -> None:
    if name == "website":
        value = _website(value)
        if not value:
            entry.remarks.append("The website is not a web address and was left out.")
            return
    if name in ("country", "language"):
        value = value.upper() if name == "country" else value
        if len(value) > _width(name):
            entry.remarks.append(
                f"The {name} is not a code such as {'DE' if name == 'country' else 'de'}; left out."
            )
            return
    if len(value) > _width(name):
        raise ValueError(f"The column {name} is longer than {_width(name)} characters.")
    entry.fields[name] = value


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
