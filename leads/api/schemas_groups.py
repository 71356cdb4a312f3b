"""What the API shows of segments, lists, duplicates, merges and exports, and takes for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field, StringConstraints

from leads.api.schemas import Search
from leads.enums import DuplicateStatus, ExportFormat, ImportStatus, Lifecycle, SegmentStatus, Stage
from outreach.lib.schemas import Id, Input, ListQuery, Short


class MappingIn(Input):
    mapping: Annotated[dict[Short, Annotated[str, StringConstraints(max_length=32)]], Field(max_length=500)]


Rules = Annotated[
    dict[str, Any],
    Field(
        description="Rules and groups: GET /segments/fields tells what they may ask.",
        examples=[{"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}],
    ),
]
GroupName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
About = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
People = Annotated[list[Id], Field(min_length=1, max_length=1_000)]


class SegmentQuery(ListQuery):
    status: SegmentStatus | None = None


class SegmentIn(Input):
    name: GroupName
    description: About = ""
    rules: Rules


class SegmentPatch(Input):
    """Only what is sent is changed."""

    name: GroupName | None = None
    description: About | None = None
    rules: Rules | None = None


class SegmentOut(Schema):
    id: int
    name: str
    description: str
    rules: dict[str, Any]
    status: SegmentStatus
    progress: float = Field(description="Of building it, 0 to 1.")
    people_count: int
    built_at: datetime | None
    error: str
    created_by_id: int | None
    created_at: datetime


class RulesIn(Input):
    rules: Rules


class CountOut(Schema):
    people: int
    exact: bool = Field(description="False: an estimate, because counting would take too long.")


class FieldOut(Schema):
    field: str
    label: str
    kind: str
    operators: dict[str, str]
    choices: list[tuple[str, str]] | None = Field(description="The values there are; null: any text.")


class ListIn(Input):
    name: GroupName
    description: About = ""


class ListOut(Schema):
    id: int
    name: str
    description: str
    people_count: int
    created_by_id: int | None
    created_at: datetime


class PeopleIn(Input):
    person_ids: People


class ChangedOut(Schema):
    changed: int = Field(description="How many people this put on or took off.")


class MemberOut(Schema):
    person_id: int
    added_at: datetime


class DuplicateQuery(ListQuery):
    status: DuplicateStatus | None = None


class DuplicateOut(Schema):
    id: int
    first_id: int
    second_id: int
    score: int
    evidence: dict[str, list[str]] = Field(description="What both share, by kind.")
    status: DuplicateStatus
    decided_by_id: int | None
    decided_at: datetime | None
    created_at: datetime


class MergeIn(Input):
    gone_id: Id = Field(description="Who becomes part of the person of the path.")
    choose: dict[str, Literal["kept", "gone"]] = Field(
        default_factory=dict,
        description="From which side a field comes; left out, the kept person's unless empty.",
    )


class MergeQuery(ListQuery):
    pass


class MergeOut(Schema):
    id: int
    kept_id: int | None
    gone_id: int
    gone_name: str
    values: dict[str, Any] = Field(
        description="Fields the two said different things about, and which side won."
    )
    moved: dict[str, int]
    created_by_id: int | None
    created_at: datetime
    undone_at: datetime | None


class UndoneOut(Schema):
    person_id: int = Field(description="Who is there again.")
    stays: list[str] = Field(description="What was changed since the merge and stays as it is.")


class ExportQuery(ListQuery):
    status: ImportStatus | None = None


class ExportIn(Input):
    format: ExportFormat = ExportFormat.CSV
    q: Search | None = None
    lifecycle: Lifecycle | None = None
    stage: Stage | None = None
    person_ids: Annotated[list[Id], Field(max_length=10_000)] | None = None
    segment_id: Id | None = None
    list_id: Id | None = None


class ExportOut(Schema):
    id: int
    format: ExportFormat
    status: ImportStatus
    rows: int
    size: int = Field(description="Bytes.")
    progress: float
    error: str
    segment_id: int | None
    list_id: int | None
    created_by_id: int | None
    created_at: datetime
    finished_at: datetime | None
