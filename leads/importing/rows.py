"""What one row says about one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

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
            if cell and name == UNREADABLE:
                raise ValueError(cell)
            if cell and (target := mapping.get(name)):
                _take(entry, target, undo_defusing(cell).strip())
        if not entry.addresses:
            raise ValueError("The row has no e-mail address and no handle.")
    except ValueError as error:
        entry.problem = str(error)
    return entry


def _take(entry: Entry, target: str, value: str) -> None:
    if not value:
        return
    if is_address(target):
        _take_addresses(entry, target, value)
    elif target == TAGS:
        entry.tags += [_tag(part) for part in value.replace(",", ";").split(";") if part.strip()]
    elif target not in entry.fields:
        _take_field(entry, target, value)


_tag = lru_cache(maxsize=1_000)(clean_name)


def _take_addresses(entry: Entry, network: str, value: str) -> None:
    for part in value.split(";"):
        if part.strip():
            address = (network, _full(network, normalise(network, part)))
            if address not in entry.addresses:
                entry.addresses.append(address)


def _full(network: str, handle: str) -> str:
    """The handle, if it says all its network needs to find somebody."""
    known = network in networks.names() and networks.get(network)
    if known and known.handles_name_their_server and "@" not in handle:
        raise ValueError(
            f'"{handle}" does not name its server: on {known.label} write {handle}@ and the server, such as '
            f"{handle}@example.social."
        )
    return handle


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
