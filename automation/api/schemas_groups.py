"""What the API shows of segments and lists on their way into campaigns."""

from __future__ import annotations

from datetime import datetime

from ninja import Schema
from pydantic import Field

from automation.enums import GroupEnrolmentState
from outreach.lib.schemas import Id, Input


class EnrolGroupIn(Input):
    """One of the two."""

    segment_id: Id | None = None
    list_id: Id | None = None


class GroupEnrolmentOut(Schema):
    """A segment or a list on its way into a campaign."""

    id: int
    campaign_id: int
    segment_id: int | None
    list_id: int | None
    state: GroupEnrolmentState
    people: int = Field(description="In the group when it was asked for.")
    progress: float = Field(description="0 to 1.")
    looked_at: int
    added: int
    already: int
    suppressed: int = Field(description="Said no, and were left out.")
    unsuitable: int = Field(description="Without an address on the campaign's network, or our own accounts.")
    created_by_id: int | None
    created_at: datetime
    finished_at: datetime | None


class FollowIn(Input):
    """Null ends it."""

    segment_id: Id | None
    everybody: bool = Field(False, description="Enrol who is in it already, too.")
