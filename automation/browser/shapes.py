"""What is asked of a browser and what it answers; :mod:`automation.browser.work` is where to begin reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

State = dict[str, Any]  # Playwright's storage state: {"cookies": [...], "origins": [...]}


class Urgency(IntEnum):
    """Who gets a slot first. One slot is kept for critical work; low work stays out of posting windows."""

    CRITICAL = 0  # publishing and replying
    HIGH = 1  # metrics, discovery, asking whether an act took place
    LOW = 2  # the rest


@dataclass(frozen=True, slots=True)
class Job:
    """One call of ``action`` with ``arguments`` (JSON values).

    ``account`` is whose session it is: its saved state is restored, unless ``state`` gives one, and saved back after
    the action, whether it succeeded or raised. 0 is nobody: a clean context, nothing kept.
    ``allowed_hosts`` are exact host names, ``*.example.org`` for everything below, or ``*`` for any; whatever else the
    page asks for is refused, as is an allowed name that leads into a private network. Ports do not matter.
    ``seconds`` is the deadline of the action, counted from the call; the deadline of :func:`outreach.lib.net.until`
    shortens it. ``wait`` is how long the caller's thread may wait for a slot when it has no
    :func:`automation.browser.work.place`.
    ``proxy`` is one that :mod:`outreach.lib.net.proxies` reads, or empty. ``options`` are Playwright's for a new context:
    ``locale``, ``timezone_id``, ``user_agent``, ``viewport``.
    ``keep_proof`` keeps a picture of each open page at the end, and a trace when the action raised.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    account: int = 0
    state: State | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    seconds: float = 30.0
    urgency: Urgency = Urgency.LOW
    wait: float = 0.0
    proxy: str = field(default="", repr=False)
    keep_proof: bool = False
    announces: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """A picture (``page.png``) or trace (``trace.zip``) of what the browser saw."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the action returned, the context's state after it (already saved for a job with an account), and proofs.

    ``refused_hosts`` are the hosts the page asked for in vain.
    """

    result: dict[str, Any]
    state: State | None = field(default=None, repr=False)
    proofs: tuple[Proof, ...] = ()
    refused_hosts: tuple[str, ...] = ()


class BrowserError(Exception):
    """Something kept a job from answering. The message is shown to people and holds no secret."""


class BrowserDown(BrowserError):
    """There is no browser, and the message says why. Nothing was called. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrowserBusy(BrowserDown):
    """Every slot this job may have is taken. Nothing was called."""


class Broken(BrowserError):
    """The action began and did not return. Unless ``acted`` is false it may have done what it was for."""

    def __init__(self, message: str, *, acted: bool = True, proofs: tuple[Proof, ...] = ()) -> None:
        super().__init__(message)
        self.acted = acted
        self.proofs = proofs


class Hung(Broken):
    """It was killed at its deadline."""


class Lost(Broken):
    """Its process, or the browser, ended in the middle."""


class ActionFailed(Broken):
    """The action raised. ``kind`` is the exception's ``module:Name``, ``details`` its JSON-like attributes,
    ``state`` the context's afterwards.

    ``kind`` of Playwright's own are ``playwright...:TimeoutError`` and ``playwright...:Error``.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        details: Mapping[str, Any],
        acted: bool = True,
        proofs: tuple[Proof, ...] = (),
        state: State | None = None,
    ) -> None:
        super().__init__(message, acted=acted, proofs=proofs)
        self.kind = kind
        self.details = dict(details)
        self.state = state
