"""What the model is asked for: one file a purpose, each with its prompts by version and an answer for when there is no model."""

from __future__ import annotations

from typing import Any

from automation.llm.purposes import qualification
from automation.llm.purposes.base import Purpose

ALL: dict[str, Purpose[Any, Any, Any]] = {purpose.name: purpose for purpose in (qualification.PURPOSE,)}
