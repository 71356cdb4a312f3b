"""What a channel saw while it acted, handed to whoever keeps it.

A channel never touches the database, and what it saw must outlive its worker: an unclear act is decided by a person who
looks at the picture. So it is handed over at once, not with the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file: ``page.png``, ``trace.zip``. ``note`` says what it shows, e.g. "Refused: no messages from strangers"."""

    name: str
    content: bytes = field(repr=False)
    note: str = ""


Keeper = Callable[[UUID, Sequence[Evidence]], object]
_keepers: list[Keeper] = []


def keep_with(keeper: Keeper) -> None:
    """Hand everything to ``keeper`` from now on; it must not raise, the act has already happened."""
    if keeper not in _keepers:
        _keepers.append(keeper)


def keep(send_id: UUID, found: Sequence[Evidence]) -> None:
    """Hand over what was seen during one attempt of an act."""
    if found:
        for keeper in _keepers:
            keeper(send_id, found)
