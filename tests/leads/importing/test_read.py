"""Files as they come: encodings, delimiters, broken rows, any size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.importing.read import MAX_LINE, ImportFileError, Row, Table

TEXT = "email,first_name\nann@example.org,Änn\nbob@example.org,Bob\n"


def table(content: bytes, slice_size: int = 7) -> Table:
    """The file cut into small slices, so that every boundary falls somewhere awkward."""
    return Table(
        lambda: iter([content[start : start + slice_size] for start in range(0, len(content), slice_size)])
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_table_reads_every_encoding_and_line_end(encoding: str, line_end: str) -> None:
    read = table(TEXT.replace("\n", line_end).encode(encoding))
    assert read.header == ["email", "first_name"]
    assert list(read.rows()) == [Row(2, ["ann@example.org", "Änn"]), Row(3, ["bob@example.org", "Bob"])]


def test_table_reads_utf16_of_either_order() -> None:
    for mark, codec in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le")):
        assert [row.cells[1] for row in table(mark + TEXT.encode(codec)).rows()] == ["Änn", "Bob"]


def test_table_reads_what_windows_spreadsheets_write() -> None:
    assert next(table("email,name\na@b.c,“Ann” €5\n".encode("cp1252")).rows()).cells[1] == "“Ann” €5"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_table_finds_the_delimiter_outside_quotes(delimiter: str) -> None:
    content = delimiter.join(['"e,m;a,i;l"', "name"]) + "\n" + delimiter.join(["a", '"x,y;z"']) + "\n"
    read = table(content.encode())
    assert read.header == ["e,m;a,i;l", "name"]
    assert list(read.rows()) == [Row(2, ["a", "x,y;z"])]


def test_table_reports_ragged_rows_and_goes_on() -> None:
    rows = list(table(b"a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n\n1,2,3\n").rows())
    assert [row.number for row in rows] == [2, 3, 4, 5, 6]
    assert [row.problem for row in rows] == [
        "The row has 2 cells, the header has 3.",
        "The row has 4 cells, the header has 3.",
        "",
        "",
        "",
    ]
    assert [row.cells for row in rows[2:]] == [["1", "2", "3"], [], ["1", "2", "3"]]


def test_table_reports_a_row_with_nul_and_goes_on() -> None:
    rows = list(table(b"a,b\n1,\x002\n3,4\n").rows())
    assert rows == [Row(2, [], "The row holds a NUL character."), Row(3, ["3", "4"])]


def test_table_refuses_utf16_without_its_mark() -> None:
    with pytest.raises(ImportFileError, match="NUL characters"):
        table(TEXT.encode("utf-16-le"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n"])
def test_table_refuses_an_empty_file(content: bytes) -> None:
    with pytest.raises(ImportFileError, match="empty"):
        table(content)


def test_table_survives_a_quotation_mark_that_is_never_closed() -> None:
    content = b'a,b\n1,"2\n' + b"x,y\n" * 50_000
    rows = list(table(content, 4096).rows())
    assert "quotation mark" in rows[0].problem
    assert rows[-1].cells == ["x", "y"]


def test_table_drops_the_end_of_an_endless_line_and_goes_on() -> None:
    content = b"a,b\n" + b"x" * (3 * MAX_LINE) + b"\n1,2\n"
    rows = list(table(content, 100_000).rows())
    assert rows[0].problem
    assert rows[1:] == [Row(3, ["1", "2"])]


def test_table_goes_on_after_a_row() -> None:
    assert [row.number for row in table(TEXT.encode()).rows(after=2)] == [3]


def test_table_counts_rows_as_a_spreadsheet_does() -> None:
    read = table(b'\na,b\n"1\n1",2\n3,4\n')
    assert read.header == ["a", "b"]
    assert [(row.number, row.cells) for row in read.rows()] == [(3, ["1\n1", "2"]), (4, ["3", "4"])]


def test_table_of_two_hundred_megabytes_needs_little_memory() -> None:
    block = b"".join(b"person%06d@example.org,Ann,Lee,Acme,CTO\n" % number for number in range(25_000))

    def slices() -> Iterator[bytes]:
        yield b"email,first_name,last_name,company,title\n"
        for _ in range(5):
            yield block

    tracemalloc.start()
    try:
        count = sum(1 for row in Table(slices).rows() if not row.problem)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 125_000
    assert peak < 4_000_000  # the file has five times as much


@given(st.binary(max_size=400), st.integers(1, 50))
def test_table_never_fails_but_with_a_sentence(content: bytes, slice_size: int) -> None:
    try:
        read = table(content, slice_size)
    except ImportFileError:
        return
    assert all(row.problem or not row.cells or len(row.cells) == len(read.header) for row in read.rows())
