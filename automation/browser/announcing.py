"""How an action says that it is about to act. It runs in the child; nothing here is called by the parent."""

from __future__ import annotations

from collections.abc import Callable

_tell: list[Callable[[], None]] = []


def about_to_act() -> None:
    """Call it right before the click or request that does the act, in an action whose job has ``announces=True``.

    Whatever goes wrong before it is known not to have happened. Returns once the parent can read it. Outside of a
    child (a test that calls the action itself) it does nothing.
    """
    for tell in _tell:
        tell()


def hear(tell: Callable[[], None]) -> None:
    """Have ``tell`` called by :func:`about_to_act`, instead of whoever was told before."""
    _tell[:] = [tell]
