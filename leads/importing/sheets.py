"""XLSX, row by row in bounded memory: a spreadsheet is a zip of XML, and either may be a bomb."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any

from leads.importing.errors import ImportFileError

MAX_SHEET = 2_000_000_000  # bytes of XML in the sheet; it is streamed
MAX_STRINGS = 60_000_000  # of the table of texts, which has to be held in memory
MAX_OTHER = 20_000_000  # of every other member
MAX_ROW = 2_000_000  # bytes of XML in one row, and in one text
MAX_COLUMNS = 500
HINT = "Save it as CSV and import that."


def read_rows(file: IO[bytes]) -> Iterator[list[str]]:
    """The cells of the first sheet that has any as text, a list for each row, empty rows included.

    Raises :class:`ImportFileError` for what is no spreadsheet or wants too much memory.
    """
    try:
        yield from _rows(file)
    except ImportFileError:
        raise
    except Exception as error:  # a broken or hostile file makes the parsers below raise nearly anything
        raise ImportFileError(f"The spreadsheet cannot be read ({type(error).__name__}). {HINT}") from error


def _rows(file: IO[bytes]) -> Iterator[list[str]]:
    archive = GuardedZip(file)
    archive.check()
    reader = _reader(file, archive)
    reader.read()
    sheet = reader.wb.worksheets[0] if reader.wb.worksheets else None
    if sheet is None:
        raise ImportFileError("The spreadsheet has no sheet.")
    sheet.reset_dimensions()  # what the file says of its own size need not be true
    number = 0
    for row in sheet.iter_rows(max_col=MAX_COLUMNS):
        at = next((cell.row for cell in row if getattr(cell, "row", None)), number + 1)
        for _ in range(number + 1, min(at, number + 10_000)):
            yield []
        number = max(at, number + 1)
        cells = [_text(cell.value) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _reader(file: IO[bytes], archive: GuardedZip) -> Any:
    from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415 - 20 MB that only spreadsheets need

    reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    reader.archive = archive
    return reader


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).replace("\r", " ").replace("\n", " ")


class GuardedZip(zipfile.ZipFile):
    """A zip whose members are refused when they are, or unpack to, more than we can hold."""

    def check(self) -> None:
        """Raises :class:`ImportFileError` when a member says it is too big; none unpacks to more than it says."""
        for member in self.infolist():
            limit = MAX_OTHER
            if member.filename.startswith("xl/worksheets/"):
                limit = MAX_SHEET
            elif member.filename == "xl/sharedStrings.xml":
                limit = MAX_STRINGS
            if member.file_size > limit:
                raise ImportFileError(
                    f"The spreadsheet unpacks to {member.file_size // 1_000_000:,} MB in one part, more than we take. {HINT}"
                )

    def open(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """The member, watched while it is read."""
        return Watched(super().open(name, *args, **kwargs))


class Watched:
    """A file of XML that must not go on for too long within one row or one text."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._since_tag = self._since_row = 0
        self._has_rows = False

    def read(self, size: int = -1) -> bytes:
        """As the file's; raises :class:`ImportFileError` for a stretch no spreadsheet has."""
        data = self._source.read(size)
        self._since_tag = _beyond(data, b"<", self._since_tag)
        self._has_rows = self._has_rows or b"<row" in data
        self._since_row = _beyond(data, b"</row>", self._since_row) if self._has_rows else 0
        if max(self._since_tag, self._since_row) > MAX_ROW and data:
            raise ImportFileError(f"A row or a cell of the spreadsheet is too long. {HINT}")
        return data

    def close(self) -> None:
        """Close the member."""
        self._source.close()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _beyond(data: bytes, mark: bytes, before: int) -> int:
    """How many bytes there have been since the last ``mark``."""
    at = data.rfind(mark)
    return before + len(data) if at < 0 else len(data) - at
