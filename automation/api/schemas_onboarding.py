"""What the API takes and shows of accounts being connected and of handle checks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, StringConstraints

from accounts.api.schemas import Network, Secret
from accounts.enums import Role
from automation.enums import HandleState, OnboardingState, RowState
from automation.models import HandleCheck, OnboardingRun
from automation.onboarding import reporting
from outreach.lib.schemas import Input, ListQuery, Name, Short

MOST = 2_000  # accounts in one request; a file takes more


class TryIn(Input):
    network: Network
    handle: Short = ""
    server: Short = ""
    secret: Secret
    proxy: Annotated[str, StringConstraints(max_length=1_000)] = ""


class TriedOut(Schema):
    """Who the network says the credentials belong to."""

    handle: str
    remote_id: str
    display_name: str


class EntryIn(Input):
    network: Network
    handle: Name
    secret: Secret
    server: Short = ""
    role: Role | None = None
    niche: Annotated[str, StringConstraints(max_length=64)] = ""
    time_zone: Annotated[str, StringConstraints(max_length=64)] = ""
    proxy: Annotated[str, StringConstraints(max_length=500)] = ""

    def values(self) -> dict[str, str]:
        """As the columns of a file would give it."""
        own = self.model_dump(exclude={"secret"}, exclude_none=True)
        return {**self.secret, **{name: str(value) for name, value in own.items()}}


class OnboardingIn(Input):
    name: Name = "API"
    at_once: Annotated[int, Field(ge=1, le=20, description="Accounts verified at the same time.")] = 3
    accounts: Annotated[list[EntryIn], Field(min_length=1, max_length=MOST)]


class OnboardingQuery(ListQuery):
    state: OnboardingState | None = None


class OnboardingOut(Schema):
    id: int
    name: str
    state: OnboardingState
    at_once: int
    created_at: datetime
    finished_at: datetime | None
    rows: int
    queued: int
    verifying: int
    waiting: int = Field(description="Their network did not answer yet and is asked again.")
    connected: int
    known: int = Field(description="Connected before; left as they are.")
    failed: int

    @staticmethod
    def of(run: OnboardingRun, standing: reporting.Standing) -> OnboardingOut:
        counts = {name: getattr(standing, name) for name in standing.__slots__}
        return OnboardingOut(
            id=run.pk, name=run.name, state=OnboardingState(run.state), at_once=run.at_once,
            created_at=run.created_at, finished_at=run.finished_at, **counts,
        )  # fmt: skip


class OnboardingRowQuery(ListQuery):
    state: RowState | None = None


class OnboardingRowOut(Schema):
    """What became of one account; its credentials are in no answer."""

    number: int
    network: str
    handle: str
    server: str
    state: RowState
    message: str = Field(description="Why it failed, or what to know.")
    account_id: int | None
    finished_at: datetime | None


class HandleCheckIn(Input):
    brand: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    networks: Annotated[list[Network], Field(min_length=1, max_length=20)]


class HandleResultOut(Schema):
    network: str
    handle: str
    state: HandleState
    detail: str
    url: str
    looked_at: datetime | None


class HandleCheckOut(Schema):
    id: int
    brand: str
    created_at: datetime
    results: list[HandleResultOut]

    @staticmethod
    def resolve_results(check: HandleCheck) -> list[Any]:
        return list(check.results.all())
