"""What campaigns by e-mail need besides their words: a subject, a thread to go on with, and a way to say no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.enums import ActionKind
from automation.enums import StepKind, TaskState
from automation.models import Campaign, Enrolment, Task
from leads import unsubscribing

if TYPE_CHECKING:
    from automation.campaigns.services import StepSpec


def details(enrolment: Enrolment, subject: str) -> dict[str, Any]:
    """What an e-mail's task needs: the link by which its reader says no and, without a subject of its own, the thread
    of the enrolment's last e-mail.
    """
    found: dict[str, Any] = {"link": unsubscribing.link_for(enrolment.profile)}
    if subject:
        return found
    sent = Task.objects.filter(enrolment=enrolment, kind=ActionKind.EMAIL, state=TaskState.COMPLETED)
    last = sent.order_by("-id").only("remote_id", "payload").first()
    if last is not None:
        found |= {"subject": answering(last.payload.get("subject", "")), "post_id": last.remote_id}
    return found


def answering(subject: str) -> str:
    """The subject of an answer."""
    return subject if subject.lower().startswith("re:") else f"Re: {subject}".strip()


def check_steps(steps: Sequence[StepSpec]) -> None:
    """Raise :class:`ValidationError` unless the first e-mail has a subject; later ones without go on in its thread."""
    mails = [(position, spec) for position, spec in enumerate(steps, start=1) if spec.kind == StepKind.EMAIL]
    for position, spec in mails[:1]:
        if not all(variant.subject.strip() for variant in spec.variants):
            raise ValidationError(
                {"steps": f"Step {position}: the first e-mail needs a subject in every wording."}
            )


def check_start(campaign: Campaign) -> None:
    """Raise :class:`ValidationError` where people could not say no to the campaign's e-mails."""
    if not settings.PUBLIC_URL and campaign.steps.filter(kind=StepKind.EMAIL).exists():
        raise ValidationError(
            "Set PUBLIC_URL to this installation's public address first: every e-mail carries a link to say no."
        )
