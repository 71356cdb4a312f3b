"""What a step of enrichment is: a name, a version, what it reads, and a function from subjects to results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from leads.addresses import EMAIL

if TYPE_CHECKING:  # it comes with an image library
    from outreach.lib.pictures import Picture

Facts = Mapping[str, Mapping[str, Any]]


class StepState(StrEnum):
    """Where a profile stands with a step; ``waiting`` covers what is tried again."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


# A post: its text, and the language its network says it is in ("de", or empty). Plain pairs, since there are so many.
Words = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """All that steps may know of a profile. ``facts`` are what other steps found, by the step's name."""

    pk: int
    person_id: int
    network: str
    handle: str
    display_name: str = ""
    bio: str = ""
    url: str = ""
    website: str = ""
    location: str = ""
    language: str = ""
    avatar_url: str = ""
    bounced: bool = False
    posts: tuple[Words, ...] = ()
    facts: Facts = field(default_factory=dict)


def has_page(subject: Subject) -> bool:
    """Whether it is a profile that says something of itself, and not just an address."""
    return subject.network != EMAIL


@dataclass(frozen=True, slots=True)
class Mail:
    """What a step thinks of the profile's e-mail address: ``good``, ``risky``, ``bad`` or empty, and why, for people."""

    verdict: str
    note: str = ""


@dataclass(slots=True)  # one for every step of every profile: frozen ones take three times as long to make
class Result:
    """What a step makes of one subject. Make it with :func:`found`, :func:`skipped`, :func:`failed` or :func:`later`.

    ``facts`` are kept under the step's name (plain JSON, small). ``person`` fills in ``language`` and ``country`` where
    nobody said otherwise, ``emails`` are given to the person, ``mail`` is a judgement of the address, ``picture`` is kept
    as the avatar.
    """

    state: StepState = StepState.DONE
    facts: Mapping[str, Any] = field(default_factory=dict)
    person: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    via: str = ""
    mail: Mail | None = None
    picture: Picture | None = None
    reason: str = ""
    retry_after: float | None = None


def found(**facts: Any) -> Result:
    """Done, with these facts; those that are empty are left out."""
    return Result(facts={name: value for name, value in facts.items() if value})


def skipped(reason: str) -> Result:
    """Nothing to be done here, and why; it is looked at again when what the step reads changes."""
    return Result(StepState.SKIPPED, reason=reason)


def failed(reason: str) -> Result:
    """It cannot be done, and trying again is useless unless something changes; ``reason`` is a sentence for people."""
    return Result(StepState.FAILED, reason=reason)


def later(reason: str, *, retry_after: float | None = None) -> Result:
    """Not now: tried again after ``retry_after`` seconds, else with growing pauses; the last try makes it a failure."""
    return Result(StepState.WAITING, reason=reason, retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. A file in ``automation/enrichment/steps`` with a ``STEP`` is all it takes to add one.

    ``run`` gets subjects and gives as many results in the same order; it touches no database. ``reads`` names fields of
    :class:`Subject`: a subject without any of them is skipped, and the step runs again when one of them, or the facts of
    a step it comes ``after``, changed. A raised ``version`` has it run again for everybody. ``idle`` says why there is
    nothing to do for a subject, empty where there is. ``network`` steps run apart from the others, ``parallel`` subjects at
    once, each in a call of its own unless ``whole``.
    """

    name: str
    label: str
    version: int
    reads: tuple[str, ...]
    run: Callable[[Sequence[Subject]], Sequence[Result]]
    after: tuple[str, ...] = ()
    applies: Callable[[Subject], bool] = lambda subject: True
    idle: Callable[[Subject], str] = lambda subject: ""
    network: bool = False
    parallel: int = 8
    whole: bool = False
    tries: int = 5
