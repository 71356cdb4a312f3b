"""E-mail addresses that somebody wrote into their own profile. Spelled-out ones ("at", "dot") are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from automation.enrichment import mail
from automation.enrichment.base import Result, Step, Subject, found, has_page, skipped

NONE = "Their profile names no e-mail address."


def run(subjects: Sequence[Subject]) -> list[Result]:
    """``emails``, which the person is given."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    emails = mail.addresses_in(subject.bio)
    if not emails:
        return skipped(NONE)
    return replace(found(emails=list(emails)), emails=emails, via=f"bio of {subject.handle}")


STEP = Step(
    "contact", "E-mail in the bio", version=1, reads=("bio",), run=run, applies=has_page,
    idle=lambda subject: "" if "@" in subject.bio else NONE,
)  # fmt: skip
