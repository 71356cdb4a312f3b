"""What happened between a person and us, in one list; apps above add what they know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from leads.models import Person

EACH = 50  # newest entries read per kind
SHOWN = 80


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry: ``icon`` is a Material symbol, ``colour`` green, amber, red or blue; ``url`` leads to the row."""

    at: datetime
    icon: str
    title: str
    text: str = ""
    who: str = ""
    colour: str = ""
    url: str = ""


def newest(moments: Iterable[Moment]) -> list[Moment]:
    """The newest of all kinds together, newest first."""
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:SHOWN]


def of_person(person: Person) -> Iterator[Moment]:
    """What the address book itself knows: two queries."""
    yield Moment(person.created_at, "person_add", "Added", text=_found(person))
    for note in person.notes.select_related("author")[:EACH]:
        yield Moment(note.created_at, "sticky_note_2", "Note", note.text, str(note.author or ""), "blue")
    for no in person.suppressions.select_related("created_by")[:EACH]:
        title = f"Said no: {no.get_reason_display()}"
        yield Moment(no.created_at, "block", title, no.detail, str(no.created_by or ""), "red")


def _found(person: Person) -> str:
    return f"Found by {person.found_by}" if person.found_by else ""
