"""One act in a browser: a :class:`Job` in, an :class:`Answer` out, and everything that can go wrong in between.

An action is ``def act(context: BrowserContext, arguments: dict) -> dict``, named like
``automation.channels.acme.pages:publish``. It runs in a child process that has Playwright and neither the ORM nor
Django's applications, in a fresh context that holds the account's saved state and reaches the allowed hosts only. The
child is killed from outside at the job's deadline. The caller's process never imports Playwright.

What an error promises is what the engine hangs on:

======================= =================================================== ==============
raised                  what is certain                                     for an act
======================= =================================================== ==============
:class:`BrowserBusy`    nothing was called; no slot is free                 ``NotCalled``
:class:`BrowserDown`    nothing was called; there is no browser             ``NotCalled``
:class:`Hung`           killed at the deadline; see ``acted``               ``Unknown``
:class:`Lost`           the child or the browser ended; see ``acted``       ``Unknown``
:class:`ActionFailed`   the action raised; see ``acted`` and ``kind``       by ``kind``
======================= =================================================== ==============

``acted`` is false only for a job with ``announces=True`` whose action had not yet called :func:`about_to_act` (see
:mod:`automation.browser.announcing`): then nothing was sent, and ``TryLater`` is right.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from accounts.enums import ActionKind
from automation.browser import performing
from automation.browser.shapes import (
    ActionFailed,
    Answer,
    Broken,
    BrowserBusy,
    BrowserDown,
    BrowserError,
    Hung,
    Job,
    Lost,
    Proof,
    State,
    Urgency,
)

__all__ = [
    "ActionFailed",
    "Answer",
    "Broken",
    "BrowserBusy",
    "BrowserDown",
    "BrowserError",
    "Desk",
    "Hung",
    "Job",
    "Lost",
    "Place",
    "Proof",
    "Session",
    "State",
    "Urgency",
    "perform",
    "place",
    "urgency_of",
    "use",
]


CRITICAL_KINDS = frozenset({ActionKind.POST, ActionKind.REPLY})
HIGH_KINDS = frozenset(kind for kind in ActionKind if kind.startswith("fetch_")) | {ActionKind.VERIFY}


def urgency_of(kind: str) -> Urgency:
    """How urgent an act of this kind is; asking about an act's outcome (``""``) is high."""
    if kind in CRITICAL_KINDS:
        return Urgency.CRITICAL
    return Urgency.HIGH if not kind or kind in HIGH_KINDS else Urgency.LOW


def _keep_nothing(state: State) -> None:
    """Whoever wants it kept has it in the answer."""


@dataclass(frozen=True, slots=True)
class Session:
    """What an account's context begins with, and who keeps what it ends with."""

    state: State | None = field(default=None, repr=False)
    keep: Callable[[State], None] = _keep_nothing


class Desk(Protocol):
    """Who gives out slots and keeps sessions. The installation's is ``automation.browsing.desk``, which has the rows."""

    def enter(self, account: int) -> None:
        """Take a slot for the account's lane, or write why it waits; nothing is raised."""

    def leave(self, account: int) -> None:
        """Give back what :meth:`enter` took."""

    def slot(self, job: Job) -> AbstractContextManager[None]:
        """A slot for the length of a ``with``; raises :class:`BrowserBusy` when there is none."""

    def session(self, account: int) -> Session:
        """The account's saved state, unless it has none or it has expired, and how to keep the next one."""


class OpenDesk:
    """Gives everybody a slot and remembers nothing: for a process without a database."""

    def enter(self, account: int) -> None:
        """There is always room."""

    def leave(self, account: int) -> None:
        """Nothing was taken."""

    def slot(self, job: Job) -> AbstractContextManager[None]:
        return nullcontext()

    def session(self, account: int) -> Session:
        return Session()


_desk: list[Desk] = [OpenDesk()]


def use(desk: Desk) -> Desk:
    """From now on slots and sessions are this desk's; returns the one before. The installation's is set at start."""
    before, _desk[0] = _desk[0], desk
    return before


class Place:
    """The account's place at the browser for one turn of its lane; see :func:`place`."""

    def __init__(self, account: int) -> None:
        self.account = account
        _desk[0].enter(account)

    def close(self) -> None:
        """Give the slot back; twice is once."""
        if self.account:
            account, self.account = self.account, 0
            _desk[0].leave(account)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def place(account: int) -> Place:
    """Open a browser channel with this in ``connect(login)`` and close it in ``Channel.close()``.

    Before anything of the lane is claimed it takes a slot for the lane's turn. When none is free, what would need one
    is held with the reason "Waits for a browser" and woken when its turn comes: no attempt is made in vain, no thread
    waits. Every :func:`perform` with the same ``account`` uses the slot. Never raises for want of a slot.
    """
    return Place(account)


def perform(job: Job) -> Answer:
    """Do the job in a browser and return what it answered; raises the errors above.

    Blocks the calling thread for ``job.wait`` plus ``job.seconds`` and a second at most. Not inside a transaction.
    """
    desk = _desk[0]
    with desk.slot(job):
        session = desk.session(job.account) if job.account else Session()
        try:
            answer = performing.run(job, job.state if job.state is not None else session.state)
        except ActionFailed as failed:
            if failed.state is not None:
                session.keep(failed.state)
            raise
        if answer.state is not None:
            session.keep(answer.state)
        return answer
