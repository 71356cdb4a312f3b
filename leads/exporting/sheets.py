"""XLSX written row by row, in bounded memory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

MAX_ROWS = 1_048_576  # of one sheet, says the format
CHUNK = 1_000_000
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold
MAX_CELL = 32_767


class TooManyRows(ValueError):
    """More rows than a sheet can have."""


def sheet(title: str, rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """The bytes of a workbook with these rows. Raises :class:`TooManyRows`."""
    import openpyxl  # noqa: PLC0415 - 20 MB that only spreadsheets need

    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(title)
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise TooManyRows(f"A spreadsheet has at most {MAX_ROWS:,} rows. Export as CSV, or fewer people.")
        page.append([_fit(cell) for cell in row])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        yield from _chunks(file)


def _fit(cell: object) -> object:
    return _FORBIDDEN.sub("", cell)[:MAX_CELL] if isinstance(cell, str) else cell


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
