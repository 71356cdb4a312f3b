"""The next rows of a file, read and understood in a second thread while the last ones are being written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

from leads.importing.read import Slices

Result = TypeVar("Result")
READY = 2  # results that may lie there before they are wanted: what bounds the memory


def ahead(slices: Slices, work: Callable[[Slices], Iterator[Result]]) -> Generator[Result, None, None]:
    """What ``work`` makes of a file, in order, made in a thread of its own; what it raises is raised here.

    The file's slices are fetched by the caller's thread, whose connection to the database they come from. Close the iterator
    to end the thread early.
    """
    desk: _Desk[Result] = _Desk(slices())
    thread = threading.Thread(target=desk.run, args=[work], name="import-reader", daemon=True)
    thread.start()
    try:
        yield from desk.results()
    finally:
        desk.close()
        thread.join()


class _Wish:
    """The thread would like a slice."""


class _End:
    """Nothing more comes; with an error if that is why."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Desk(Generic[Result]):
    """Where the two threads hand each other slices and results."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._slices: SimpleQueue[bytes | None] = SimpleQueue()
        self._told: SimpleQueue[Result | _Wish | _End] = SimpleQueue()
        self._room = threading.Semaphore(READY)
        self._closed = False

    def run(self, work: Callable[[Slices], Iterator[Result]]) -> None:
        """In the second thread: work until there is no more, or nobody wants it."""
        try:
            for result in work(self._wished_for):
                self._room.acquire()
                if self._closed:
                    return
                self._told.put(result)
            self._told.put(_End())
        except BaseException as error:  # noqa: BLE001 - raised again where the results are waited for
            self._told.put(_End(error))

    def _wished_for(self) -> Iterator[bytes]:
        self._told.put(_Wish())
        while (slice_ := self._slices.get()) is not None:
            yield slice_
            self._told.put(_Wish())

    def results(self) -> Iterator[Result]:
        """In the caller's thread: give slices and get results."""
        self._give()  # one to spare: the thread goes on while we are busy
        while True:
            told = self._told.get()
            if isinstance(told, _Wish):
                self._give()
            elif isinstance(told, _End):
                if told.error is not None:
                    raise told.error
                return
            else:
                self._room.release()
                yield told

    def _give(self) -> None:
        self._slices.put(next(self._source, None))

    def close(self) -> None:
        """Have the thread end at what it does next."""
        self._closed = True
        self._slices.put(None)
        self._room.release()
