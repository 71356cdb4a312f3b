"""How an action says that it is about to act. It runs in the child; nothing here is called by the parent."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

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


_once: list[Callable[[Page], None]] = []


def send_once(page: Page) -> None:
    """From now on, have what a page writes leave once and no more (see :mod:`automation.browser.once`). Call it before
    the act; outside of a child it does nothing.
    """
    for way in _once:
        way(page)


def once_by(way: Callable[[Page], None]) -> None:
    """Have ``way`` called by :func:`send_once`, instead of the one before."""
    _once[:] = [way]
