"""Filling a wording in for a person. Only known names are filled; nothing else in the text is touched."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.core.exceptions import ValidationError

from automation.models import Variant
from leads.models import Profile

PLACEHOLDER = re.compile(r"\{(\w*)\}")
NAMES = ("first_name", "last_name", "display_name", "handle", "company", "title")


def check(text: str) -> None:
    """Refuse a wording that would go out with a hole in it; the error names the unknown placeholder."""
    unknown = sorted({name for name in PLACEHOLDER.findall(text) if name not in NAMES})
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in NAMES)
        raise ValidationError(f"Unknown placeholder {{{unknown[0]}}}. These are filled in: {known}.")


def fill(text: str, profile: Profile) -> str:
    """``text`` with this profile's words; what we do not know becomes the name they go by."""
    person = profile.person
    called = profile.display_name or person.display_name or profile.handle
    words = {
        "first_name": person.first_name or called.split(" ")[0],
        "last_name": person.last_name,
        "display_name": called,
        "handle": profile.handle,
        "company": person.company,
        "title": person.title,
    }
    return PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), text).strip()


def choose(variants: Sequence[Variant], enrolment_id: int) -> Variant | None:
    """The wording an enrolment gets: by weight, and always the same one for the same enrolment."""
    total = sum(variant.weight for variant in variants)
    if not total:
        return None
    # Fibonacci hashing spreads consecutive ids evenly over the weights.
    place = (enrolment_id * 2_654_435_761) % 2**32 * total // 2**32
    for variant in variants:
        place -= variant.weight
        if place < 0:
            return variant
    return variants[-1]
