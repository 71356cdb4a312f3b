"""The parts every resource of the API is made of: closed inputs, lists, pages, the error shape."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator

from outreach.lib.pagination import DEFAULT_LIMIT, MAX_ID, MAX_LIMIT

Item = TypeVar("Item")
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]  # what a column of small numbers holds
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


class Input(BaseModel):
    """What a client sends: a field we do not know is refused, so that a typo never passes for a change."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ListQuery(BaseModel):
    """The parameters of every list; a subclass adds its filters. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Rows on a page.")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None,
        Field(max_length=100, description="next_cursor of the page before; leave out for the first."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_parameters(cls, given: Any, info: ValidationInfo) -> Any:
        # The framework hands over only the parameters it knows; the request tells what was really asked.
        request = (info.context or {}).get("request")
        for name, value in request.GET.items() if request is not None else ():
            if name not in cls.model_fields:
                raise ValueError(
                    f'There is no parameter "{name}". Known: {", ".join(sorted(cls.model_fields))}.'
                )
            if "\0" in value:
                raise ValueError(f'The parameter "{name}" contains a NUL character.')
        return given

    def filters(self, **renamed: str) -> dict[str, Any]:
        """The filters that were given, for ``QuerySet.filter``; ``renamed`` gives a parameter's lookup, if another."""
        given = self.model_dump(exclude_none=True, exclude={"limit", "cursor"})
        return {renamed.get(name, name): value for name, value in given.items()}


class Pagination(Schema):
    has_more: bool
    next_cursor: str | None = Field(
        description="Give it as cursor to get the next page; null on the last one."
    )


class Page(Schema, Generic[Item]):
    data: list[Item]
    pagination: Pagination


class Rows(Schema, Generic[Item]):
    """A list short enough to come whole."""

    data: list[Item]


class Problem(Schema):
    """Every answer that is not a success."""

    error: str = Field(description="A short word for programs.", examples=["invalid"])
    message: str = Field(description="A sentence for people.", examples=["There is no person 12."])
    code: int = Field(description="The HTTP status.", examples=[422])
    request_id: str = Field(description="Also in the X-Request-ID header and on every line of the log.")
    fields: dict[str, list[str]] | None = Field(
        None, description="What is wrong with which field.", examples=[{"body.handle": ["Field required"]}]
    )
