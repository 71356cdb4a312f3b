"""An answer against its schema: nothing that does not fit gets past here."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from automation.enums import FailureKind
from automation.llm.base import ModelFailed, Reply

FENCED = re.compile(
    r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL
)  # models that were asked in words like this


class Shape(BaseModel):
    """The form of an answer: unknown fields are refused, numbers are numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Answer = TypeVar("Answer", bound=Shape)


def parse(shape: type[Answer], reply: Reply) -> Answer:
    """The reply as ``shape``. Raises :class:`ModelFailed` with ``nonsense`` when it is anything else."""
    fenced = FENCED.fullmatch(reply.text)
    try:
        return shape.model_validate_json(fenced[1] if fenced else reply.text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "answer"
        raise ModelFailed(
            FailureKind.NONSENSE, f"{where}: {first['msg']}"[:300], usage=reply.usage, charged=True
        ) from None


def dumped(value: Any) -> str:
    """JSON in its shortest form; the same value always gives the same text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
