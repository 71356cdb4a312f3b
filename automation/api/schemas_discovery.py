"""What the API shows of the frontier, its plans, and the posts one could reply to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, StringConstraints

from automation.api.schemas import Network
from automation.discovery.reasons import Why
from automation.enums import LookKind, LookOrigin, LookState, OpportunityState, Priority
from automation.models import FrontierEntry, Opportunity
from outreach.lib.schemas import Id, Input, ListQuery, Name


class LookQuery(ListQuery):
    state: LookState | None = None
    kind: LookKind | None = None
    origin: LookOrigin | None = None
    network: Network | None = None
    source_id: Id | None = None
    account_id: Id | None = None


class LookOut(Schema):
    id: int
    network: str
    kind: LookKind
    query: str = Field(description="Search words, or the handle whose list or profile is read.")
    page: int = Field(description="Of the source, from 0.")
    origin: LookOrigin
    priority: Priority
    state: LookState
    why: str = Field(description="Why it waits, or how it ended.")
    next_at: datetime | None = Field(description="When it may be read, where that is known.")
    account_id: int | None = Field(description="Who reads it; null until somebody is chosen.")
    profile_id: int | None
    source_id: int | None
    task_id: int | None
    from_cache: bool = Field(description="Answered by what was seen within the hour; nothing was fetched.")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, entry: FrontierEntry, why: Why) -> LookOut:
        """An entry with its reason."""
        told = {name: getattr(entry, name) for name in cls.model_fields if name not in ("why", "next_at")}
        return cls(**told, why=why.text, next_at=why.next_at)


class LookIn(Input):
    network: Network
    kind: LookKind = Field(description="Not profile: see POST /profiles.")
    query: Name
    account_id: Id | None = Field(None, description="Who reads it; left out: the least busy that can.")
    urgent: bool = Field(False, description="Before whatever waits.")


class PlanOut(Schema):
    network: str
    daily_looks: int
    used_today: int
    refresh_days: int
    expand: bool
    opportunities_wanted: int
    opportunities_at_hand: int


class PlanIn(Input):
    """What is left out stays as it is."""

    daily_looks: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    refresh_days: Annotated[int, Field(ge=1, le=365)] | None = None
    expand: bool | None = None
    opportunities_wanted: Annotated[int, Field(ge=0, le=5000)] | None = None


class OpportunityQuery(ListQuery):
    state: OpportunityState | None = None
    network: Network | None = None
    profile_id: Id | None = None


class OpportunityOut(Schema):
    id: int
    network: str
    profile_id: int
    handle: str
    post_id: str = Field(description="The network's.")
    text: str
    url: str
    posted_at: datetime | None
    comments: int | None = Field(description="When it was seen; null: the network does not tell.")
    topics: list[str]
    score: int = Field(description="0 to 100: fresh, on topic, by somebody who fits.")
    state: OpportunityState
    detail: str
    expires_at: datetime
    task_id: int | None
    created_at: datetime

    @classmethod
    def of(cls, row: Opportunity) -> OpportunityOut:
        """An opportunity read with its post and profile."""
        post = row.post
        return cls(
            id=row.pk, network=row.network, profile_id=row.profile_id, handle=row.profile.handle, post_id=post.remote_id,
            text=post.text, url=post.url, posted_at=post.posted_at, comments=post.comments, topics=row.topics,
            score=row.score, state=OpportunityState(row.state), detail=row.detail, expires_at=row.expires_at,
            task_id=row.task_id, created_at=row.created_at,
        )  # fmt: skip


class OpportunityReplyIn(Input):
    account_id: Id = Field(description="Who replies.")
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
