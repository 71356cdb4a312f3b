"""Where somebody is: by the place they name, else by a flag, a site's ending or a language spoken in one country only."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from automation.enrichment import places
from automation.enrichment.base import Result, Step, Subject, found, has_page


def run(subjects: Sequence[Subject]) -> list[Result]:
    """``country`` (ISO 3166) and what it was told from."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    country, told_from = _country(subject)
    if not country:
        return found()
    return Result(facts={"country": country, "told_from": told_from}, person={"country": country})


def _country(subject: Subject) -> tuple[str, str]:
    """The surest hint first. A bio that names several countries says nothing: it may be about travels."""
    if place := places.of_location(subject.location):
        return place, "location"
    if place := places.of_flags(subject.display_name) or places.of_flags(subject.bio):
        return place, "flag"
    if place := places.of_bio(subject.bio):
        return place, "bio"
    if place := places.of_host(_host(subject.website)):
        return place, "website"
    spoken = str(subject.facts.get("language", {}).get("language", ""))
    return places.of_language(spoken), "language"


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


STEP = Step(
    "country", "Country", version=1, reads=("location", "display_name", "bio", "website", "language"), run=run,
    after=("language",), applies=has_page,
)  # fmt: skip
