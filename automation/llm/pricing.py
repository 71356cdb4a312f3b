"""What a call costs, and the most it can cost before it is made. Amounts are whole millionths of the currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from automation.llm.base import Prompt, Usage
from automation.llm.structured import dumped

# Roles, separators and the schema's wrapping, as endpoints count them.
OVERHEAD_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens read and written, so a token costs as many millionths."""

    tokens_in: Decimal
    tokens_out: Decimal

    def cost(self, usage: Usage) -> int:
        """Millionths, rounded up."""
        exact = usage.tokens_in * self.tokens_in + usage.tokens_out * self.tokens_out
        return int(exact.to_integral_value(ROUND_CEILING))

    def most(self, prompt: Prompt) -> int:
        """The most a call can cost: no tokeniser in use makes more tokens of a text than it has bytes."""
        return self.cost(Usage(most_tokens(prompt), prompt.longest))


def most_tokens(prompt: Prompt) -> int:
    """More tokens than the endpoint can count for this prompt. The schema counts twice: as given, and in words."""
    texts = (prompt.system, prompt.user, dumped(prompt.schema), dumped(prompt.schema))
    return sum(len(text.encode()) for text in texts) + OVERHEAD_TOKENS
