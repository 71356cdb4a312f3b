"""The bytes of a file in slices of a megabyte, in the database, where every machine finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leads.importing.errors import ImportFileError
from leads.importing.read import Slices
from leads.models import Import, ImportPart

PART_BYTES = 1_000_000
MAX_BYTES = 512_000_000


def keep(run: Import, slices: Iterable[bytes]) -> int:
    """Store a file; its size in bytes. Raises :class:`ImportFileError` for more than we take."""
    size = 0
    for position, part in enumerate(in_parts(slices)):
        size += len(part)
        if size > MAX_BYTES:
            raise ImportFileError(
                f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it and import the pieces."
            )
        ImportPart.objects.create(import_run=run, position=position, content=part)
    return size


def in_parts(slices: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in slices of ``PART_BYTES``, the last one shorter."""
    waiting = bytearray()
    for piece in slices:
        for start in range(0, len(piece), PART_BYTES):
            waiting += piece[start : start + PART_BYTES]
            while len(waiting) >= PART_BYTES:
                yield bytes(waiting[:PART_BYTES])
                del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


def kept(import_id: int) -> Slices:
    """The file of an import, one part in memory at a time."""

    def read() -> Iterator[bytes]:
        position = 0
        parts = ImportPart.objects.filter(import_run_id=import_id).values_list("content", flat=True)
        while (part := parts.filter(position=position).first()) is not None:
            yield bytes(part)
            position += 1

    return read


def size_of(import_id: int) -> int:
    """Bytes of the file of an import."""
    parts = ImportPart.objects.filter(import_run_id=import_id).order_by("-position")
    last = parts.values_list("position", "content").first()
    return 0 if last is None else last[0] * PART_BYTES + len(last[1])
