"""From the bytes of a CSV file to its rows, one at a time, so that the size of the file does not matter."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leads.importing.errors import ImportFileError

Slices = Callable[[], Iterator[bytes]]  # opens the file anew and gives its bytes in order

MAX_LINE = 1_000_000  # characters of one line that are looked at; what follows them is dropped
MAX_CELL = csv.field_size_limit()
DELIMITERS = ",;\t"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``number`` counts as a spreadsheet does, from 1. With a ``problem`` its cells mean nothing."""

    number: int
    cells: list[str]
    problem: str = ""


class Table:
    """A CSV file: ``header``, then :meth:`rows`. Raises :class:`ImportFileError` for what is no such file."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self.encoding = sniff_encoding(slices)
        self.bytes_read = 0  # by rows() so far
        self.header_number, first = self._first_line()
        if "\0" in first:
            raise ImportFileError("The file holds NUL characters. Save it as CSV in UTF-8 and try again.")
        self.delimiter = sniff_delimiter(first)
        self.header = [cell.strip() for cell in next(csv.reader([first], delimiter=self.delimiter))]

    def rows(self, after: int = 0, *, slices: Slices | None = None) -> Iterator[Row]:
        """The rows below the header whose number is above ``after``, read one by one; ``slices`` has the same file from
        elsewhere.
        """
        lines = text_lines(self._counted(slices or self._slices), self.encoding)
        reader = csv.reader(lines, delimiter=self.delimiter)
        number = 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                problem = f"A cell is longer than {MAX_CELL} characters: is a quotation mark not closed?"
                row = Row(number, [], problem)
            else:
                row = self._checked(number, cells)
            if number > max(after, self.header_number):
                yield row

    def _checked(self, number: int, cells: list[str]) -> Row:
        width = len(self.header)
        whole = "".join(cells)
        if "\0" in whole:
            return Row(number, [], "The row holds a NUL character.")
        if not whole or whole.isspace():
            return Row(number, [])
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            return Row(number, [], f"The row has {len(cells)} cells, the header has {width}.")
        return Row(number, cells[:width])

    def _first_line(self) -> tuple[int, str]:
        for number, line in enumerate(text_lines(self._slices, self.encoding), start=1):
            if line.strip():
                return number, line
        raise ImportFileError("The file is empty. It needs a header row and a row for each person.")

    def _counted(self, slices: Slices) -> Slices:
        def read() -> Iterator[bytes]:
            self.bytes_read = 0
            for slice_ in slices():
                self.bytes_read += len(slice_)
                yield slice_

        return read


def text_lines(slices: Slices, encoding: str = "") -> Iterator[str]:
    """The lines of a text file, each at most ``MAX_LINE`` characters long; what cannot be read becomes "?"."""
    raw = io.BufferedReader(_Stream(slices()), buffer_size=1 << 16)
    text = io.TextIOWrapper(raw, encoding=encoding or sniff_encoding(slices), errors="replace", newline="")
    while line := text.readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and line[-1] not in "\r\n":
            line = text.readline(MAX_LINE)


class _Stream(io.RawIOBase):
    """Slices of bytes as a file to read from."""

    def __init__(self, slices: Iterator[bytes]) -> None:
        self._slices = slices
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._left:
            slice_ = next(self._slices, None)
            if slice_ is None:
                return 0
            self._left = memoryview(slice_)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def sniff_encoding(slices: Slices) -> str:
    """UTF-8 or UTF-16 by byte order mark, else UTF-8 if all of it is, else as Western spreadsheets write."""
    start = next(slices(), b"")[:4]
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    return next((encoding for encoding in ("utf-8", "cp1252") if _decodes(slices(), encoding)), "latin-1")


def sniff_delimiter(header: str) -> str:
    """The one of comma, semicolon and tab that stands most often in the header, outside quotation marks."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def _decodes(slices: Iterator[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for slice_ in slices:
            decoder.decode(slice_)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
