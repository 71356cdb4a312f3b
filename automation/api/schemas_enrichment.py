"""What the API shows of what was found out about profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field, StringConstraints

from automation.enrichment import telling
from automation.enrichment.base import StepState
from automation.models import Enrichment
from outreach.lib.schemas import Id, Input, ListQuery

StepName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32),
    Field(examples=["language"], description="A step's name, as in `steps`."),
]


class EnrichmentQuery(ListQuery):
    standing: Literal["failed", "waiting"] | None = Field(
        None, description="Only profiles with a step that failed, or with something left to do."
    )
    step: StepName | None = Field(None, description="Only profiles for which this step failed.")


class StepOut(Schema):
    name: str
    label: str
    state: StepState
    reason: str = Field(description="Why it failed, waits or had nothing to do; empty otherwise.")
    tries: int = Field(description="How often it was tried, while it waits.")
    next_at: datetime | None = Field(description="When it is tried again.")


class EnrichmentOut(Schema):
    profile_id: int
    steps: list[StepOut]
    failed: list[str] = Field(description="Names of the steps that failed.")
    due_at: datetime | None = Field(description="When something is computed for it next.")
    online_at: datetime | None = Field(description="When something is fetched for it next.")

    @staticmethod
    def resolve_steps(row: Enrichment) -> list[telling.Standing]:
        return telling.standings(row)


class EnrichmentDetailOut(EnrichmentOut):
    facts: dict[str, dict[str, Any]] = Field(description="What each step found.")


class StepsIn(Input):
    steps: Annotated[list[StepName], Field(max_length=50, description="Empty: all of them.")] = Field(
        default_factory=list
    )


class RetryIn(Input):
    step: StepName | None = Field(None, description="Only where this step failed; left out: any.")
    profile_ids: Annotated[list[Id], Field(max_length=1000)] | None = Field(
        None, description="Only these profiles; left out: everybody."
    )


class RetriedOut(Schema):
    profiles: int = Field(description="Profiles whose failed steps run again.")
