"""What nobody is looking after any more: found by the clock, and put where somebody will.

Leases, deadlines and notifications see to nearly everything by themselves within seconds; this is for what fell
between them: a writer that died between its commit and its wake, a follow-up that broke, rows mended by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.enums import PACED_ACTS
from automation import enrichment
from automation.asking import ledger
from automation.campaigns import progress
from automation.channels.base import Done
from automation.content import services as content
from automation.discovery.qualification import waiting
from automation.engine import lanes
from automation.enums import (
    FINISHED_STATES,
    AttemptState,
    CampaignStatus,
    EnrolmentState,
    PublicationState,
    TaskState,
)
from automation.models import Attempt, Decision, Enrolment, Lane, LlmCall, Publication, Task
from outreach.lib import queue
from outreach.lib.clock import database_now

SETTLE = timedelta(seconds=5)  # what is younger is most likely being dealt with at this moment
STUCK_AFTER = timedelta(minutes=15)


def recover(*, dry_run: bool = False) -> dict[str, int]:
    """Put right what is stuck, or with ``dry_run`` only count it: what, and how many."""
    now = database_now()
    return {name: find(now, dry_run) for name, find in PARTS.items()}


def recover_lanes() -> int:
    """The part that cannot wait: have lanes looked at that would sleep over what is due; returns how many."""
    now = database_now()
    return sum(_rouse(find, now, dry_run=False) for find in (forgotten_lanes, lanes_with_dead_attempts))


def forgotten_lanes(now: datetime) -> QuerySet[Lane]:
    """Lanes with due work that nothing holds back, and that are not due themselves."""
    before = now - SETTLE
    free_of_pace = (
        Q(lane__people_until__isnull=True) | Q(lane__people_until__lte=now) | ~Q(kind__in=PACED_ACTS)
    )
    pending = Task.objects.overdue(before).filter(free_of_pace, lane=OuterRef("pk"))
    unclear = Task.objects.filter(lane=OuterRef("pk"), state=TaskState.UNKNOWN, due_at__lt=before)
    return _unattended(now).filter(Exists(pending) | Exists(unclear))


def lanes_with_dead_attempts(now: datetime) -> QuerySet[Lane]:
    """Lanes nobody works in, with attempts past their deadline, that are not due themselves."""
    dead = Attempt.objects.filter(
        task__lane=OuterRef("pk"), state__in=(AttemptState.CLAIMED, AttemptState.STARTED), deadline__lt=now - SETTLE
    )  # fmt: skip
    return _unattended(now).filter(Exists(dead))


def _unattended(now: datetime) -> QuerySet[Lane]:
    asleep = Q(next_at__isnull=True) | Q(next_at__gt=now)
    return Lane.objects.filter(asleep, Q(lease_until__isnull=True) | Q(lease_until__lt=now))


def stuck_publications(now: datetime) -> QuerySet[Publication]:
    """Publications still said to be on their way though their task ended a while ago."""
    waiting = (PublicationState.SCHEDULED, PublicationState.PUBLISHING)
    ended = {"task__state__in": FINISHED_STATES, "task__finished_at__lt": now - STUCK_AFTER}
    return Publication.objects.filter(state__in=waiting, **ended).order_by("pk")


def stuck_enrolments(now: datetime) -> QuerySet[Any]:
    """People in the middle of a running campaign whose last act ended a while ago and who have no next one.

    ``last_task`` is that act's id.
    """
    theirs = Task.objects.filter(enrolment=OuterRef("pk"))
    last = theirs.filter(finished_at__lt=now - STUCK_AFTER).order_by("-id").values("pk")[:1]
    active = Enrolment.objects.filter(state=EnrolmentState.ACTIVE, campaign__status=CampaignStatus.RUNNING)
    busy = theirs.filter(Q(finished_at__isnull=True) | Q(finished_at__gte=now - STUCK_AFTER))
    return active.filter(~Exists(busy)).annotate(last_task=Subquery(last)).filter(last_task__isnull=False)


def _rouse(find: Callable[[datetime], QuerySet[Lane]], now: datetime, dry_run: bool) -> int:
    ids = list(find(now).values_list("pk", flat=True))
    if not dry_run:
        lanes.rouse(ids)
    return len(ids)


def _publications(now: datetime, dry_run: bool) -> int:
    """Tell publications what became of their task, as it should have told them."""
    task_ids = list(stuck_publications(now).values_list("task_id", flat=True))
    for task in () if dry_run else Task.objects.filter(pk__in=task_ids).order_by("pk"):
        with transaction.atomic():
            if task.state == TaskState.COMPLETED:
                content.record_published(task, Done(task.remote_id, task.url))
            else:
                content.record_unpublished(task)
    return len(task_ids)


def _enrolments(now: datetime, dry_run: bool) -> int:
    """Have people go on from the act that ended."""
    task_ids = [one.last_task for one in stuck_enrolments(now)]
    tasks = Task.objects.filter(pk__in=task_ids).select_related(
        "lane__account", "profile__person", "campaign"
    )
    for task in () if dry_run else tasks.order_by("pk"):
        with transaction.atomic():
            if task.state == TaskState.COMPLETED:
                progress.advance(task, None)
            else:
                progress.stumble(task)
    return len(task_ids)


def _dead_calls(now: datetime, dry_run: bool) -> int:
    """Calls of the language model whose worker died: their answers are lost, and they count as spent."""
    return LlmCall.objects.left_behind().count() if dry_run else ledger.leave_behind()


def _open_leads(now: datetime, dry_run: bool) -> int:
    """Have leads judged that wait for the model and that no full batch took along; those held for a quota, too."""
    waits = (
        waiting.free().filter(since__lt=now - STUCK_AFTER).count()
        + Decision.objects.filter(held=True).count()
    )
    if waits and not dry_run:
        queue.enqueue(waiting.JOB, dedupe=waiting.JOB)
    return waits


def _enrichment(now: datetime, dry_run: bool) -> int:
    """Have profiles enriched that were passed over, and steps handed out that changed without a migrate."""
    late = enrichment.overdue(now - STUCK_AFTER)
    if not dry_run:
        enrichment.announce()
        enrichment.nudge()
    return late


PARTS: dict[str, Callable[[datetime, bool], int]] = {
    "forgotten lanes": lambda now, dry_run: _rouse(forgotten_lanes, now, dry_run),
    "dead attempts": lambda now, dry_run: _rouse(lanes_with_dead_attempts, now, dry_run),
    "stuck publications": _publications,
    "stuck enrolments": _enrolments,
    "dead model calls": _dead_calls,
    "open leads": _open_leads,
    "late enrichment": _enrichment,
}
