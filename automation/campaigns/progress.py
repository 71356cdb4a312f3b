"""An enrolment's way from step to step. Each finished task writes the next one, in the transaction of its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now

from accounts.enums import ActionKind
from automation.campaigns import mail, wording
from automation.engine import effects, tasks
from automation.engine.tasks import NewTask
from automation.enums import (
    OPEN_ENROLMENTS,
    CampaignStatus,
    EnrolmentState,
    GroupEnrolmentState,
    Priority,
    Reason,
    StepKind,
    TaskState,
)
from automation.models import Campaign, Enrolment, GroupEnrolment, Step, Task
from leads.enums import MailVerdict
from outreach.lib import clock, events

BATCH = 500
# Without these the campaign still makes sense; a refused message does not.
OPTIONAL = (ActionKind.FOLLOW, ActionKind.UNFOLLOW, ActionKind.LIKE)


def begin(campaign_id: int) -> int:
    """Begin everybody queued in a running campaign, in batches; returns how many."""
    begun = 0
    while batch := _begin_batch(campaign_id):
        begun += batch
    settle_completion(campaign_id)
    return begun


@transaction.atomic
def _begin_batch(campaign_id: int) -> int:
    campaign = Campaign.objects.filter(pk=campaign_id, status=CampaignStatus.RUNNING).first()
    if campaign is None:
        return 0
    queued = list(
        Enrolment.objects.filter(campaign=campaign, state=EnrolmentState.QUEUED).order_by("id")
        .select_for_update(skip_locked=True, of=("self",)).select_related("profile__person", "person")[:BATCH]
    )  # fmt: skip
    if not queued:
        return 0
    _assign_accounts(campaign, queued)
    said_no = [e for e in queued if e.person.suppressed_at is not None]
    close([e.pk for e in said_no], state=EnrolmentState.OPTED_OUT)
    going = [e for e in queued if e.person.suppressed_at is None]
    Enrolment.objects.bulk_update(going, ["account"])
    Enrolment.objects.filter(pk__in=[e.pk for e in going]).update(state=EnrolmentState.ACTIVE)
    _write_next(campaign, going)
    return len(queued)


def _assign_accounts(campaign: Campaign, queued: Sequence[Enrolment]) -> None:
    """Spread people evenly: each goes to the campaign's account that has the fewest so far."""
    load: Counter[int] = Counter(
        dict.fromkeys(campaign.accounts.order_by("pk").values_list("pk", flat=True), 0)
    )
    taken = (
        campaign.enrolments.filter(account__in=list(load))
        .order_by()
        .values_list("account")
        .annotate(n=Count("pk"))
    )
    load.update(dict(taken))
    for enrolment in queued:
        if enrolment.account_id is None:
            enrolment.account_id = min(load, key=lambda pk: (load[pk], pk))
            load[enrolment.account_id] += 1


def _write_next(campaign: Campaign, enrolments: Sequence[Enrolment]) -> None:
    """Write each enrolment's next task; those with no step left are done."""
    steps = list(campaign.steps.prefetch_related("variants").order_by("position"))
    now = clock.database_now()
    new, done = [], []
    for enrolment in enrolments:
        found = _next_act(steps, enrolment)
        if found is None:
            done.append(enrolment.pk)
            continue
        step, delay, payload = found
        if step.kind == StepKind.EMAIL and enrolment.profile.mail_verdict == MailVerdict.BAD:
            close([enrolment.pk], state=EnrolmentState.FAILED, detail=enrolment.profile.mail_note)
            continue
        new.append(
            NewTask(
                account_id=enrolment.account_id or 0,
                kind=step.kind,
                dedupe_key=f"enrolment:{enrolment.pk}:step:{step.position}",
                profile=enrolment.profile,
                priority=Priority.NORMAL,
                due_at=now + timedelta(seconds=delay) if delay else None,
                payload=payload,
                campaign_id=campaign.pk,
                enrolment_id=enrolment.pk,
            )
        )
    tasks.add_many(new)
    close(done, state=EnrolmentState.DONE)


def _next_act(steps: Sequence[Step], enrolment: Enrolment) -> tuple[Step, float, dict[str, Any]] | None:
    """The next step that acts, the seconds until then, and what it needs; steps that find nothing to act on are passed over."""
    delay = 0.0
    for step in steps:
        if step.position <= enrolment.position:
            continue
        delay += step.delay
        if step.kind == StepKind.WAIT:
            continue
        payload = _payload(step, enrolment)
        if payload is not None:
            return step, delay, payload
    return None


def _payload(step: Step, enrolment: Enrolment) -> dict[str, Any] | None:
    """What the act says and refers to; ``None`` when there is no post to like or reply to."""
    payload: dict[str, Any] = {"step": step.position}
    if step.kind in (StepKind.LIKE, StepKind.REPLY):
        posts = enrolment.profile.recent_posts
        if not posts:
            return None
        payload["post_id"] = posts[0]["remote_id"]
    variant = wording.choose(list(step.variants.all()), enrolment.pk)
    if variant is not None:
        payload |= {"text": wording.fill(variant.text, enrolment.profile), "variant": variant.name}
        if variant.subject:
            payload["subject"] = wording.fill(variant.subject, enrolment.profile)
    if step.kind == StepKind.EMAIL:
        payload |= mail.details(enrolment, payload.get("subject", ""))
    return payload


@effects.on_completed(effects.ENROLLED)
def advance(task: Task, result: Any) -> None:
    """A step took place: the enrolment moves on to its next task, unless it ended meanwhile."""
    _move_on(task)


@effects.on_ended(effects.ENROLLED)
def stumble(task: Task) -> None:
    """A step will not take place: an optional one is passed over, any other ends the enrolment with its reason.

    An unclear step keeps the enrolment where it is until a person or the network says what happened.
    """
    if task.state == TaskState.UNKNOWN:
        return
    if task.reason == Reason.SUPPRESSED:
        close([task.enrolment_id or 0], state=EnrolmentState.OPTED_OUT)
    elif _is_passed_over(task):
        _move_on(task)
    else:
        close(
            [task.enrolment_id or 0],
            state=EnrolmentState.FAILED,
            detail=f"{task.get_reason_display()}: {task.detail}"[:500],
        )


def _is_passed_over(task: Task) -> bool:
    """Whether the campaign goes on without this act; a person who is gone ends it, a post that is gone does not."""
    if task.kind == ActionKind.LIKE and task.reason == Reason.NOT_FOUND:
        return True
    return task.kind in OPTIONAL and task.reason in (Reason.REFUSED, Reason.UNSUPPORTED, Reason.EXHAUSTED)


def _move_on(task: Task) -> None:
    enrolment = (
        Enrolment.objects.select_for_update(of=("self",)).select_related("profile__person", "campaign")
        .filter(pk=task.enrolment_id or 0, state=EnrolmentState.ACTIVE).first()
    )  # fmt: skip
    position = int(task.payload.get("step", 0))
    if enrolment is None or position <= enrolment.position:
        return
    enrolment.position = position
    enrolment.save(update_fields=["position"])
    _write_next(enrolment.campaign, [enrolment])


def close(enrolment_ids: Sequence[int], *, state: str, detail: str = "") -> int:
    """End open enrolments; a campaign with nothing open left is completed on commit. Returns how many ended."""
    if not enrolment_ids:
        return 0
    open_ones = Enrolment.objects.filter(pk__in=enrolment_ids, state__in=OPEN_ENROLMENTS)
    campaign_ids = set(open_ones.values_list("campaign_id", flat=True))
    changed = open_ones.update(state=state, detail=detail, finished_at=Now())
    for campaign_id in campaign_ids:
        transaction.on_commit(lambda campaign_id=campaign_id: settle_completion(campaign_id))  # type: ignore[misc]
    return changed


def settle_completion(campaign_id: int) -> bool:
    """Complete a running campaign in which everybody has come to an end; true if this call did it."""
    if not _is_over(campaign_id):
        return False
    with transaction.atomic():
        # Whoever enrols holds the campaign's row: asked again under it, nobody is left behind in a completed one.
        running = Campaign.objects.filter(pk=campaign_id, status=CampaignStatus.RUNNING)
        if running.select_for_update(no_key=True).first() is None or not _is_over(campaign_id):
            return False
        running.update(status=CampaignStatus.COMPLETED, finished_at=Now())
        events.emit("campaign.completed", model="automation.campaign", ids=[campaign_id])
    return True


def _is_over(campaign_id: int) -> bool:
    """Everybody has come to an end, and nobody is on the way: in a group, or into the segment it follows."""
    groups = GroupEnrolment.objects.filter(campaign_id=campaign_id, state=GroupEnrolmentState.RUNNING)
    if groups.exists() or Campaign.objects.filter(pk=campaign_id, segment__isnull=False).exists():
        return False
    enrolments = Enrolment.objects.filter(campaign_id=campaign_id)
    return not enrolments.filter(state__in=OPEN_ENROLMENTS).exists() and enrolments.exists()
