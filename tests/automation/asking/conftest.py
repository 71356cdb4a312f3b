"""A model endpoint that is not ours, set up as the installation's, and leads to ask about."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock

from automation.asking import configuration
from automation.llm.purposes.qualification import Group, Material, Words
from automation.models import LlmSettings

KEY = "sk-canary-5f1d8c"
GROUPS = (Group(1, "Coffee people", "They roast or brew coffee themselves."),)


def set_up(url: str, *, key: str = KEY, **changes: Any) -> LlmSettings:
    """Makes ``url`` the installation's model endpoint, with two models whose prices are easy to reckon with."""
    configuration.set_price(model="good", input_price=2, output_price=10, by="test")
    configuration.set_price(model="small", input_price=1, output_price=4, by="test")
    values = {"url": url, "good_model": "good", "small_model": "small", "answer_seconds": 5, **changes}
    return configuration.change(key=key, by="test", **values)


def material(*bios: str) -> Material:
    """Leads with these bios, numbered from 1."""
    named = enumerate(bios or ("Light roasts and a new grinder. Leeds.",), start=1)
    leads = (Words.of(number, name=f"Person {number}", bio=bio, posts=[]) for number, bio in named)
    return Material(tuple(leads), GROUPS)


def judgements(*evidence: str, **fields: Any) -> str:
    """A good answer: each lead fits, for these words of its bio."""
    return json.dumps(
        {
            "judgements": [
                {"lead": number, "fit": True, "group": 1, "evidence": words, "reason": "Roasts.", **fields}
                for number, words in enumerate(evidence or ("Light roasts",), start=1)
            ]
        }
    )


@pytest.fixture
def endpoint(db: None, llmock: LLMock) -> LLMock:
    """The endpoint, working; ``endpoint.reply(...)``, ``endpoint.fail(...)`` say how it answers."""
    set_up(llmock.base_url("openai"))
    return llmock


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between tries are noted, not slept."""
    pauses: list[float] = []
    monkeypatch.setattr("automation.asking.gateway.sleep", lambda seconds: pauses.append(seconds))
    return pauses
