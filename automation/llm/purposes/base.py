"""What every purpose says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from automation.enums import ModelSize
from automation.llm.base import Prompt
from automation.llm.structured import Shape

Material = TypeVar("Material")
Form = TypeVar("Form", bound=Shape)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Purpose(Generic[Material, Form, Answer]):
    """One thing the model is asked for.

    ``versions`` makes the prompt, by version; a version's text never changes once it has been used: a better one is a new
    version. ``read`` checks an answer against the material and makes it ours, raising
    :class:`~automation.llm.base.ModelFailed` with ``nonsense`` when nothing of it can be used. ``without_model`` is the answer
    when there is none: from rules or templates, never an error.
    """

    name: str
    label: str
    size: ModelSize  # the size it is meant for; a low budget makes good into small, never the other way
    versions: Mapping[str, Callable[[Material], Prompt]]
    shape: type[Form]
    read: Callable[[Material, Form], Answer]
    without_model: Callable[[Material], Answer]
