"""Profiles that are looked at, and ways to run everything that is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from automation import enrichment
from automation.enrichment import registry
from automation.enrichment.base import Result, Step, Subject, found
from automation.models import Enrichment
from leads.models import Profile
from tests.automation.discovery.websites import conftest as websites

site = websites.site

GERMAN = "Ich röste Kaffee in einer kleinen Halle und schreibe darüber jeden Morgen"
ENGLISH = "I roast coffee in a small hall by the river and write about it every morning"


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def post(text: str, language: str = "") -> dict[str, Any]:
    """A post as ``Profile.recent_posts`` keeps it."""
    return {"remote_id": "1", "text": text, "url": "", "created_at": None, "language": language, "replies": 0}


def standing(profile: Profile) -> dict[str, str]:
    """The state of each step, by name."""
    return {name: entry["s"] for name, entry in row_of(profile).steps.items()}


def row_of(profile: Profile) -> Enrichment:
    return Enrichment.objects.get(pk=profile.pk)


def enriched(profile: Profile) -> Enrichment:
    """Run everything that only computes, and give the profile's row."""
    enrichment.run()
    return row_of(profile)


@pytest.fixture
def fresh_registry() -> Any:
    """Steps are looked for anew, before and after."""
    registry.steps.cache_clear()
    yield registry
    registry.steps.cache_clear()


@pytest.fixture
def one_step(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a single step in the place of all others."""

    def use(step: Step) -> Step:
        monkeypatch.setattr(registry, "steps", lambda: (step,))
        return step

    return use


def seen_by(calls: list[list[int]], answer: Any = None) -> Any:
    def run(subjects: Sequence[Subject]) -> list[Result]:
        calls.append([subject.pk for subject in subjects])
        return [answer(subject) if answer else found(seen=True) for subject in subjects]

    return run
