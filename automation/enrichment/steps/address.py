"""What can be said of an e-mail address without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from automation.enrichment import mail
from automation.enrichment.base import Result, Step, Subject, found
from leads.addresses import EMAIL


def run(subjects: Sequence[Subject]) -> list[Result]:
    """A judgement by its spelling, its domain, its name and what became of mail to it."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    judged = mail.judge(subject.handle, bounced=subject.bounced)
    return replace(found(role=mail.is_role(subject.handle)), mail=judged)


STEP = Step(
    "address", "E-mail address", version=1, reads=("handle", "bounced"), run=run,
    applies=lambda subject: subject.network == EMAIL,
)  # fmt: skip
