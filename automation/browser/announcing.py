"""How an action says that it is about to act. It runs in the child; nothing here is called by the parent."""

from __future__ import annotations

from collections.abc import Callable

# Whatever else is asked of a site may change something there.
READS = frozenset({"GET", "HEAD"})

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


_once: list[Callable[[], None]] = []


def send_once() -> None:
    """Have the request that is held right now leave once and no more; call it before letting it go.

    Chromium repeats a request, a POST too, whose connection was used before and dies without an answer: the act would be
    done twice. It does not repeat one whose connection is new, so on this machine the gate cuts those that are open. A
    browser elsewhere (``BROWSER_URL``) has connections that are not ours: there the request is sent beside it, by
    Playwright, which repeats nothing.
    """
    for way in _once:
        way()


def once_by(way: Callable[[], None]) -> None:
    """Have ``way`` called by :func:`send_once`, instead of the one before."""
    _once[:] = [way]
