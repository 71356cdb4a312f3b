"""In which languages somebody posts."""

from __future__ import annotations

from collections.abc import Sequence

from automation.enrichment.base import Result, Step, Subject, found, has_page
from automation.enrichment.detecting import counted


def run(subjects: Sequence[Subject]) -> list[Result]:
    """``counts``: posts by language, of those that are kept."""
    return [found(counts=counted(subject.posts)) for subject in subjects]


STEP = Step("posts", "Languages of posts", version=1, reads=("posts",), run=run, applies=has_page)
