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


_renew: list[Callable[[], None]] = []


def new_connections() -> None:
    """Have the next request go out on a connection that no request used before; call it while that request is held.

    Chromium repeats a request, a POST too, whose connection was used before and dies without an answer: the act would be
    done twice. It does not repeat one whose connection is new. Nothing can be done about it in a browser elsewhere
    (``BROWSER_URL``), whose connections are not ours.
    """
    for renew in _renew:
        renew()


def renew_with(renew: Callable[[], None] | None) -> None:
    """Have ``renew`` called by :func:`new_connections`, or nothing."""
    _renew[:] = [] if renew is None else [renew]
