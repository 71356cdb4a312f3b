"""What the API shows of people and takes for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, StringConstraints

from leads.enums import (
    ImportFormat,
    ImportStatus,
    Lifecycle,
    RowOutcome,
    Stage,
    SuppressionReason,
)
from leads.models import Person
from outreach.lib.schemas import Id, Input, ListQuery, Name, Short, Text

Network = Annotated[str, StringConstraints(max_length=32), Field(examples=["email"])]
Name128 = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]
Website = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Country = Annotated[str, StringConstraints(pattern="^([A-Z]{2})?$"), Field(examples=["DE"])]
Language = Annotated[str, StringConstraints(max_length=8), Field(examples=["de"])]
Score = Annotated[int, Field(ge=0, le=100)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
TagName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Search = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(description="Words of name, company or handle."),
]


class PersonQuery(ListQuery):
    q: Search | None = None
    lifecycle: Lifecycle | None = None
    stage: Stage | None = None
    tag: TagName | None = None
    suppressed: bool | None = None


class ProfileBrief(Schema):
    id: int
    network: str
    handle: str
    url: str


class PersonOut(Schema):
    id: int
    display_name: str
    first_name: str
    last_name: str
    company: str
    title: str
    website: str
    country: str
    language: str
    lifecycle: Lifecycle
    stage: Stage
    stage_reason: str
    score: int | None
    suppressed_at: datetime | None = Field(description="Since when this person must not be written to.")
    found_by_id: int | None
    talks_with_id: int | None
    tags: list[str]
    profiles: list[ProfileBrief]
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def resolve_tags(person: Person) -> list[str]:
        return [tag.name for tag in person.tags.all()]


class AddressIn(Input):
    network: Network
    handle: Name


class PersonFields(Input):
    display_name: Short = ""
    first_name: Name128 = ""
    last_name: Name128 = ""
    company: Short = ""
    title: Short = ""
    website: Website = ""
    country: Country = ""
    language: Language = ""
    score: Score | None = None


class PersonIn(PersonFields):
    profiles: Annotated[list[AddressIn], Field(max_length=50)] = Field(default_factory=list)


class PersonPatch(PersonFields):
    """Only what is sent is changed."""


class SuppressIn(Input):
    reason: SuppressionReason = SuppressionReason.MANUAL
    detail: Why = ""


class StageIn(Input):
    stage: Stage
    reason: Why = ""


class TagsIn(Input):
    add: Annotated[list[TagName], Field(max_length=50)] = Field(default_factory=list)
    remove: Annotated[list[TagName], Field(max_length=50)] = Field(default_factory=list)


class NoteIn(Input):
    text: Text


class NoteOut(Schema):
    id: int
    person_id: int
    author_id: int | None
    text: str
    created_at: datetime


class ProfileQuery(ListQuery):
    person_id: Id | None = None
    network: Network | None = None
    handle: (
        Annotated[
            str,
            StringConstraints(max_length=255),
            Field(description="Whole, in any spelling; needs network."),
        ]
        | None
    ) = None
    found_by_id: Id | None = None
    fetched: bool | None = None


class ProfileRow(Schema):
    id: int
    person_id: int
    network: str
    handle: str
    remote_id: str
    url: str
    display_name: str
    language: str
    location: str
    website: str
    followers_count: int | None
    following_count: int | None
    posts_count: int | None
    mail_verdict: str = Field(
        description="Of an e-mail address: good, risky or bad; a bad one is never chosen for sending. Empty: not checked."
    )
    mail_note: str
    found_by_id: int | None
    found_via: str
    fetched_at: datetime | None = Field(description="Empty until it has been read from its network.")
    refresh_at: datetime | None
    created_at: datetime


class ProfileOut(ProfileRow):
    bio: str
    recent_posts: list[dict[str, Any]]


class FiguresOut(Schema):
    day: date = Field(description="UTC; days without a change have no row.")
    followers_count: int | None
    following_count: int | None
    posts_count: int | None


class TagQuery(ListQuery):
    pass


class TagOut(Schema):
    id: int
    name: str


class SuppressionQuery(ListQuery):
    network: Network | None = None
    reason: SuppressionReason | None = None
    person_id: Id | None = None


class SuppressionOut(Schema):
    id: int
    network: str
    address: str = Field(description="Empty once the person was erased; the no still holds.")
    person_id: int | None
    reason: SuppressionReason
    detail: str
    created_by_id: int | None
    created_at: datetime


class SuppressionIn(AddressIn):
    reason: SuppressionReason = SuppressionReason.OPT_OUT
    detail: Why = ""


class LiftIn(Input):
    reason: Annotated[Why, Field(min_length=1, description="Who asked for it and when.")]


class LiftedOut(Schema):
    person_ids: list[int] = Field(description="Who may be written to again.")


class ImportQuery(ListQuery):
    status: ImportStatus | None = None
    dry_run: bool | None = None


class ImportOut(Schema):
    id: int
    name: str
    format: ImportFormat
    status: ImportStatus
    progress: float = Field(description="How much of the file was read, 0 to 1.")
    dry_run: bool
    mapping: dict[str, str] = Field(description="The field each column fills; empty: ignored.")
    rows: int
    created: int
    updated: int
    skipped: int
    failed: int
    error: str
    created_by_id: int | None
    created_at: datetime
    finished_at: datetime | None


class RowQuery(ListQuery):
    outcome: RowOutcome | None = None


class RowOut(Schema):
    number: int = Field(description="Its line in the file; the header is 1.")
    outcome: RowOutcome
    message: str
    person_id: int | None
