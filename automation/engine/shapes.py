"""What is handed along in the life of a task: a due task, the claim on it, and what became of the call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class Claim:
    """A task that holds its units and an attempt; ``attempt_id`` is filled in as the attempt is written.

    ``on_probation`` says that its lane failed last time, so that a success changes something for the lane.
    """

    task_id: int
    kind: str
    send_id: UUID
    number: int
    failures: int
    person_id: int | None
    profile_id: int | None
    campaign_id: int | None
    enrolment_id: int | None
    payload: dict[str, Any]
    handle: str
    remote_id: str
    allowances: tuple[int, ...] = ()
    attempt_id: int = 0
    on_probation: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought; ``more`` asks for another, since there may be more that is due."""

    claims: list[Claim]
    more: bool


@dataclass(slots=True)
class Candidate:
    """A due task before the checks, with what the checks look at."""

    claim: Claim
    suppressed: bool
    campaign_status: str | None
    campaign_limit: int | None
    suspect: bool  # a worker died while it ran it: it runs alone, so that it takes nobody with it again
    priority: int


class Answer(Enum):
    """The four answers a channel can give, and the one we give ourselves when we did not call."""

    DONE = "done"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"
    NOT_CALLED = "not_called"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. ``result`` is the channel's answer: a Done for acts, data for fetches."""

    claim: Claim
    answer: Answer
    result: Any = None
    reason: str = ""
    error: str = ""
    retry_after: float | None = None
