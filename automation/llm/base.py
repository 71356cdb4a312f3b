"""What a model is asked, what it answers, and how that fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automation.enums import TRANSIENT_FAILURES, FailureKind


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask. ``key`` never appears in its repr, so never in a log.

    ``answer_form`` and ``length_name`` are what the endpoint understands, see ``models.asking``; ``seconds`` is the longest an
    answer may take.
    """

    url: str
    key: str = field(repr=False)
    answer_form: str = "json_schema"
    length_name: str = "max_tokens"
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked: ``system`` holds our instructions, ``user`` the material, which may come from strangers.

    ``schema`` is the JSON schema of the answer, ``longest`` the most tokens it may have.
    """

    system: str
    user: str
    schema: dict[str, Any]
    longest: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the endpoint counted them."""

    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def total(self) -> int:
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, not yet checked against its schema."""

    text: str
    usage: Usage


class ModelFailed(Exception):
    """No answer that can be used. The message is for people and holds no key.

    ``usage`` is what the endpoint charged although it failed. ``charged`` is ``None`` when nobody knows: the request left and no
    trustworthy answer came. ``retry_after`` is in seconds, where the endpoint asked for a pause.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        usage: Usage | None = None,
        charged: bool | None = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage or Usage()
        self.charged = charged
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether the same request may well be answered a little later."""
        return self.kind in TRANSIENT_FAILURES

    @property
    def retriable(self) -> bool:
        """Whether asking again at once is right: transient, and certain to have cost nothing."""
        return self.transient and self.charged is False


class EndpointUnwell(ModelFailed):
    """The endpoint itself fails or is not reached; counts towards its breaker."""
