"""A profile of which something was found out, and of which something failed."""

from __future__ import annotations

from automation.models import Enrichment
from tests.factories import make_person, make_profile


def an_enrichment(text: str = "") -> Enrichment:
    """``text`` stands wherever strangers' words may."""
    person = make_person(display_name=text or "Ann")
    row = Enrichment.objects.get(profile=make_profile(person=person, display_name=text, bio=text))
    row.steps = {
        "language": {"s": "done", "v": 1, "i": 1},
        "website": {"s": "waiting", "v": 1, "i": 1, "n": 2, "why": text or "No answer.", "at": "2030-01-01T00:00:00+00:00"},
        "avatar": {"s": "failed", "v": 1, "i": 1, "why": text or "The picture cannot be read."},
    }  # fmt: skip
    row.facts = {
        "language": {"language": text[:8] or "de", "told_from": "bio"},
        "website": {"title": text, "emails": [text]},
    }
    row.failed = ["avatar"]
    row.save()
    return row
