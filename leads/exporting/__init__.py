"""Files of people, written in the background, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from leads.exporting.formats import CONTENT_TYPES, as_csv
from leads.exporting.rows import People
from leads.exporting.run import (
    MAX_IDS,
    cancel_export,
    chosen_people,
    file_of,
    forget_files,
    run_export,
    start_export,
)
from leads.formulas import defuse, undo_defusing
from leads.models import Person

__all__ = [
    "CONTENT_TYPES",
    "MAX_IDS",
    "cancel_export",
    "chosen_people",
    "defuse",
    "export_people",
    "file_of",
    "forget_files",
    "run_export",
    "start_export",
    "undo_defusing",
]


def export_people(people: QuerySet[Person] | None = None) -> Iterator[str]:
    """CSV of ``people`` (unsliced; all if none are given) at once, header first, some thousand lines at a time."""
    everybody = Person.objects.all() if people is None else people
    for piece in as_csv(People(everybody), lambda rows, last: None):
        yield piece.decode()
