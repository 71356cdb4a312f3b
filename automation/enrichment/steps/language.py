"""The language to write in: what most posts are in, else what the bio is in, else what the network says."""

from __future__ import annotations

from collections.abc import Sequence

from automation.enrichment.base import Result, Step, Subject, found, has_page
from automation.enrichment.detecting import detect

FEWEST_POSTS = 3
MOST = 0.6  # of the posts: less is somebody of several languages, and the bio decides


def run(subjects: Sequence[Subject]) -> list[Result]:
    """``language`` and what it was told from."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    language, told_from = _language(subject)
    if not language:
        return found()
    return Result(facts={"language": language, "told_from": told_from}, person={"language": language})


def _language(subject: Subject) -> tuple[str, str]:
    counts: dict[str, int] = dict(subject.facts.get("posts", {}).get("counts", {}))
    first, number = max(counts.items(), key=lambda entry: (entry[1], entry[0]), default=("", 0))
    total = sum(counts.values())
    if total >= FEWEST_POSTS and number >= MOST * total:
        return first, "posts"
    said, _ = detect(subject.bio)
    if said:
        return said, "bio"
    if first:
        return first, "posts"
    return subject.language.partition("-")[0], "network"


STEP = Step(
    "language", "Language", version=1, reads=("bio", "posts", "language"), run=run, after=("posts",), applies=has_page,
)  # fmt: skip
