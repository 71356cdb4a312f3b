"""Rows of people as the bytes of a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence

from leads.enums import ExportFormat
from leads.exporting.rows import People, Row
from leads.exporting.sheets import sheet
from leads.formulas import STARTS, defuse

Told = Callable[[int, int], None]  # how many rows are written, and the id of the last one


def as_csv(people: People, told: Told) -> Iterator[bytes]:
    """CSV in UTF-8, header first, with every cell defused: a spreadsheet runs what it takes for a formula."""
    yield _lines([people.columns])
    written = 0
    for page in people.pages():
        yield _lines(
            [
                [cell if type(cell) is not str or cell[:1] not in STARTS else defuse(cell) for cell in row]
                for row in page
            ]
        )
        written += len(page)
        told(written, page[-1][0])


def as_json(people: People, told: Told) -> Iterator[bytes]:
    """One JSON array of objects by column; addresses and tags are lists.

    Values are exactly what is stored: programs read JSON, and to them a defused value would be a wrong one. Whoever puts
    them into a spreadsheet defuses them there.
    """
    lists = {"email", "tags", *people.networks}
    yield b"["
    written = 0
    for page in people.pages():
        objects = [
            {
                name: cell.split("; ")
                if name in lists and cell
                else []
                if name in lists
                else None
                if cell == ""
                else cell
                for name, cell in zip(people.columns, row, strict=True)
            }
            for row in page
        ]
        text = ",\n".join(json.dumps(one, ensure_ascii=False) for one in objects)
        yield ((",\n" if written else "") + text).encode()
        written += len(page)
        told(written, page[-1][0])
    yield b"]\n"


def as_xlsx(people: People, told: Told) -> Iterator[bytes]:
    """A spreadsheet with one sheet; texts are texts, never formulas."""

    def rows() -> Iterator[list[object]]:
        yield list(people.columns)
        written = 0
        for page in people.pages():
            for row in page:
                yield _harmless(row)
            written += len(page)
            told(written, page[-1][0])

    yield from sheet("People", rows())


WRITERS = {ExportFormat.CSV: as_csv, ExportFormat.JSON: as_json, ExportFormat.XLSX: as_xlsx}
CONTENT_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSON: "application/json",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _harmless(row: Row) -> list[object]:
    # Written out: a call for each of a row's twenty cells would take most of an export's time.
    return [defuse(cell) if type(cell) is str and cell[:1] in STARTS else cell for cell in row]


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
