"""Which kind of file it is, and any kind as the CSV that everything after works on."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice

from leads.enums import ImportFormat
from leads.importing.cards import COLUMNS, read_cards
from leads.importing.errors import ImportFileError
from leads.importing.read import Slices, Table, text_lines
from leads.importing.sheets import read_rows

ZIP = b"PK\x03\x04"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
CHUNK = 500_000  # characters


def sniff(start: bytes) -> ImportFormat:
    """The format of a file from its first bytes; what is nothing else is CSV."""
    if start.startswith(ZIP):
        return ImportFormat.XLSX
    if start.startswith(OLD_EXCEL):
        raise ImportFileError("This is an old Excel file (.xls). Save it as .xlsx or CSV and import that.")
    head = start[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").upper()
    return ImportFormat.VCARD if head.startswith(b"BEGIN:VCARD") else ImportFormat.CSV


def header_of(slices: Slices, kind: str) -> list[str]:
    """The names of the columns."""
    if kind == ImportFormat.CSV:
        return Table(slices).header
    if kind == ImportFormat.VCARD:
        return list(COLUMNS)
    for row in islice(_sheet(slices), 100):
        if any(row):
            return [cell.strip() for cell in row]
    raise ImportFileError("The spreadsheet is empty. It needs a header row and a row for each person.")


def as_csv(slices: Slices, kind: str) -> Iterator[bytes]:
    """The whole file as CSV in UTF-8, in slices; the rows keep their numbers."""
    rows: Iterable[list[str]] = _sheet(slices) if kind == ImportFormat.XLSX else _cards(slices)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    width = 0
    for row in rows:
        if any(row):
            width = width or len(row)  # short rows of a sheet end where their last cell does
            writer.writerow([*row, *[""] * (width - len(row))])
        else:
            buffer.write("\r\n")
        if buffer.tell() > CHUNK:
            yield _drain(buffer)
    yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return data


def _cards(slices: Slices) -> Iterator[list[str]]:
    yield list(COLUMNS)
    yield from read_cards(text_lines(slices))


def _sheet(slices: Slices) -> Iterator[list[str]]:
    with tempfile.TemporaryFile() as file:  # a zip is read from its end
        for slice_ in slices():
            file.write(slice_)
        file.seek(0)
        yield from read_rows(file)
