"""What the API shows of what we do, and takes for it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import Field, StringConstraints

from accounts.enums import ActionKind
from automation.enums import (
    AttemptState,
    CampaignStatus,
    EnrolmentState,
    Priority,
    Reason,
    SourceKind,
    StepKind,
    TaskState,
    Verdict,
)
from automation.models import Attempt, Campaign, Task
from automation.queries import waiting
from outreach.lib.schemas import Count, Id, Input, ListQuery, Name, Text

Network = Annotated[str, StringConstraints(max_length=32), Field(description="One of GET /networks.")]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Ids = Annotated[list[Id], Field(max_length=1000)]


class TaskQuery(ListQuery):
    state: TaskState | None = None
    kind: ActionKind | None = None
    reason: Reason | None = Field(
        None, description="The task's own reason; holds of its whole lane are not searched."
    )
    account_id: Id | None = None
    person_id: Id | None = None
    campaign_id: Id | None = None


class TaskOut(Schema):
    id: int
    account_id: int
    kind: ActionKind
    priority: Priority
    state: TaskState
    reason: str = Field(description="Why it waits or ended: a code; empty: nothing holds it back.")
    reason_text: str
    detail: str
    next_at: datetime | None = Field(description="When it may run next; null: when something changes.")
    attempt_count: int
    send_id: UUID = Field(description="The same in every attempt.")
    person_id: int | None
    profile_id: int | None
    campaign_id: int | None
    remote_id: str
    url: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, task: Task, at: datetime) -> TaskOut:
        """A task read with ``with_waiting()`` and its lane, as it stands at ``at``."""
        why = waiting(task, at)
        own = {name: getattr(task, name) for name in cls.model_fields if hasattr(task, name)}
        said = {"reason": why.reason, "reason_text": why.label, "detail": why.detail, "next_at": why.next_at}
        return cls(**{**own, "account_id": task.lane_id, **said})


class AttemptOut(Schema):
    number: int
    state: AttemptState
    claimed_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str


class TaskDetailOut(TaskOut):
    attempts: list[AttemptOut]

    @classmethod
    def with_attempts(cls, task: Task, at: datetime, attempts: list[Attempt]) -> TaskDetailOut:
        return cls(
            **TaskOut.of(task, at).model_dump(),
            attempts=[AttemptOut.from_orm(attempt) for attempt in attempts],
        )


class PriorityIn(Input):
    priority: Priority


class DecideIn(Input):
    took_place: bool = Field(
        description="Whether the act reached the network. If not, its units are given back."
    )


class VariantIn(Input):
    text: Text
    name: Annotated[str, StringConstraints(min_length=1, max_length=32)] = "A"
    subject: Annotated[str, StringConstraints(max_length=255)] = ""
    weight: Annotated[int, Field(ge=0, le=1000)] = 1


class StepIn(Input):
    kind: StepKind
    delay: Annotated[float, Field(ge=0, le=31_536_000, description="Seconds to wait before it.")] = 0.0
    variants: Annotated[list[VariantIn], Field(max_length=20)] = Field(default_factory=list)


class CampaignQuery(ListQuery):
    status: CampaignStatus | None = None
    network: Network | None = None


class CampaignRow(Schema):
    id: int
    name: str
    description: str
    network: str
    status: CampaignStatus
    status_reason: str
    account_ids: list[int]
    daily_limit: int | None
    stop_on_reply: bool
    segment_id: int | None = Field(description="Whoever comes into this segment is enrolled.")
    created_by_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    funnel: dict[EnrolmentState, int] = Field(
        description="How many people are in each state; states without any are left out."
    )

    @staticmethod
    def resolve_account_ids(campaign: Campaign) -> list[int]:
        return sorted(account.pk for account in campaign.accounts.all())


class VariantOut(Schema):
    name: str
    subject: str
    text: str
    weight: int


class StepOut(Schema):
    position: int
    kind: StepKind
    delay: float
    variants: list[VariantOut]


class CampaignOut(CampaignRow):
    steps: list[StepOut]


class CampaignIn(Input):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
    network: Network
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=50)]
    account_ids: Annotated[list[Id], Field(min_length=1, max_length=500)]
    description: Annotated[str, StringConstraints(max_length=10_000)] = ""
    daily_limit: Count | None = None
    stop_on_reply: bool = True


class StepsIn(Input):
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=50)]


class EnrolIn(Input):
    """Profiles on the campaign's network, or people who have one there."""

    profile_ids: Ids = Field(default_factory=list)
    person_ids: Ids = Field(default_factory=list)


class EnrolledOut(Schema):
    added: int
    already: int
    suppressed: int = Field(description="Said no, and were left out.")
    unsuitable: int = Field(description="On another network, or one of our own accounts.")


class EnrolmentQuery(ListQuery):
    state: EnrolmentState | None = None
    person_id: Id | None = None


class EnrolmentOut(Schema):
    id: int
    campaign_id: int
    person_id: int
    profile_id: int
    account_id: int | None
    state: EnrolmentState
    position: int = Field(description="The last step done.")
    detail: str
    created_at: datetime
    finished_at: datetime | None


class SourceQuery(ListQuery):
    kind: SourceKind | None = None
    network: Network | None = None
    account_id: Id | None = None
    active: bool | None = None


class SourceOut(Schema):
    id: int
    kind: SourceKind
    network: str
    query: str
    account_id: int
    active: bool
    exhausted: bool
    pages: int
    max_pages: int
    found: int = Field(description="New to us.")
    duplicates: int = Field(description="Known already, dropped before any fetch.")
    qualified: int = Field(description="Of those found, who turned out to fit.")
    last_run_at: datetime | None
    created_at: datetime


class SourceIn(Input):
    kind: SourceKind
    network: Network
    query: Name
    account_id: Id
    max_pages: Annotated[int, Field(ge=1, le=10_000)] = 10


class HandlesIn(Input):
    network: Network
    handles: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    account_id: Id = Field(description="The account that reads them.")


class QueuedOut(Schema):
    added: int
    known: int


class RefreshIn(Input):
    account_id: Id


class QualifyIn(Input):
    person_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class JudgedOut(Schema):
    qualified: int
    disqualified: int
    open: int


class DecisionIn(Input):
    verdict: Verdict
    reason: Annotated[Why, Field(min_length=1)]


class DecisionOut(Schema):
    id: int
    person_id: int
    verdict: Verdict
    rule_id: int | None
    decided_by_id: int | None
    reason: str
    evidence: str
    score: int | None
    created_at: datetime
