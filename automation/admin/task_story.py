"""What a task's page tells: its attempts as a timeline, and everything it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from accounts.models import Allowance
from automation.admin import colours
from automation.models import Attempt, Conversation, Task
from outreach.lib.admin import show


def with_units(attempts: list[Attempt]) -> list[tuple[Attempt, list[Allowance]]]:
    """Attempts with the counters they hold a unit of: one query for all."""
    counters = Allowance.objects.in_bulk({pk for attempt in attempts for pk in attempt.allowances})
    return [(attempt, [counters[pk] for pk in attempt.allowances if pk in counters]) for attempt in attempts]


def story(attempt: Attempt, units: list[Allowance]) -> dict[str, Any]:
    """One attempt for the timeline: what happened when, and how long each part took."""
    times = (attempt.claimed_at, attempt.started_at, attempt.finished_at)
    before = show.duration((times[1] - times[0]).total_seconds()) if times[1] else ""
    call = show.duration((times[2] - times[1]).total_seconds()) if times[1] and times[2] else ""
    return {
        "attempt": attempt, "units": units, "before": before, "call": call,
        "colour": colours.ATTEMPT.get(attempt.state, "grey"),  # type: ignore[call-overload]
    }  # fmt: skip


def links(task: Task) -> Iterator[tuple[str, str, str]]:
    """Title, text and address of everything a task belongs to."""
    yield "Account", str(task.lane.account), show.admin_url(task.lane.account)
    if task.person:
        yield "Person", str(task.person), show.admin_url(task.person)
    if task.profile:
        yield "Profile", str(task.profile), show.admin_url(task.profile)
        for talk in Conversation.objects.filter(profile=task.profile, account=task.lane.account)[:1]:
            yield "Conversation", "Open the thread", show.admin_url(talk)
    if task.campaign:
        yield "Campaign", str(task.campaign), show.admin_url(task.campaign)
    if task.enrolment_id:
        yield (
            "Enrolment",
            f"#{task.enrolment_id}",
            reverse("admin:automation_enrolment_change", args=[task.enrolment_id]),
        )
    if publication := getattr(task, "publication", None):
        yield "Publication", str(publication), show.admin_url(publication)
