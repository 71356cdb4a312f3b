"""Reading ahead in a second thread: in order, never far, and over when nobody wants more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from leads.importing.ahead import READY, ahead
from leads.importing.read import Slices

FILE = [b"one", b"two", b"three", b"four", b"five", b"six"]


def in_small_letters(slices: Slices) -> Iterator[str]:
    for slice_ in slices():
        yield slice_.decode()


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "import-reader"]


def test_everything_comes_once_and_in_order() -> None:
    assert list(ahead(lambda: iter(FILE), in_small_letters)) == [slice_.decode() for slice_ in FILE]
    assert list(ahead(lambda: iter(()), in_small_letters)) == []
    assert readers() == []


def test_slices_are_fetched_in_the_callers_thread_and_read_in_another() -> None:
    seen: set[tuple[str, int]] = set()

    def slices() -> Iterator[bytes]:
        for slice_ in FILE:
            seen.add(("fetched", threading.get_ident()))
            yield slice_

    def read(given: Slices) -> Iterator[bytes]:
        for slice_ in given():
            seen.add(("read", threading.get_ident()))
            yield slice_

    assert list(ahead(slices, read)) == FILE
    here = threading.get_ident()
    assert {what for what, thread in seen if thread == here} == {"fetched"}
    assert len(seen) == 2


def test_it_does_not_run_far_ahead() -> None:
    made: list[int] = []

    def numbers(_: Slices) -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    results = ahead(lambda: iter(FILE), numbers)
    next(results)
    time.sleep(0.2)
    assert len(made) <= READY + 2, "the one that was taken, those that lie ready, and one that waits for room"
    results.close()
    assert readers() == []


@pytest.mark.parametrize("taken", [0, 3])
def test_what_goes_wrong_is_raised_where_the_results_are_wanted(taken: int) -> None:
    def breaks(given: Slices) -> Iterator[bytes]:
        for number, slice_ in enumerate(given()):
            if number == taken:
                raise ValueError("This file ends badly.")
            yield slice_

    got: list[bytes] = []
    with pytest.raises(ValueError, match="ends badly"):
        got.extend(ahead(lambda: iter(FILE), breaks))
    assert readers() == []


def test_a_reader_that_waits_for_a_slice_ends_with_the_caller() -> None:
    results = ahead(lambda: iter(FILE * 50), in_small_letters)
    assert next(results) == "one"
    results.close()
    assert readers() == []
