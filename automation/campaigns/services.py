"""Campaigns from draft to done. Creating one sends nothing; starting is an act of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Account
from automation.campaigns import mail, wording
from automation.channels import registry
from automation.engine import lanes, tasks
from automation.enums import (
    ENDED_CAMPAIGNS,
    OPEN_ENROLMENTS,
    CampaignStatus,
    EnrolmentState,
    Reason,
    StepKind,
    TaskState,
)
from automation.models import Campaign, Enrolment, Step, Task, Variant
from leads.enums import MailVerdict
from leads.models import Profile
from outreach.lib import events, networks, queue
from outreach.lib.actors import Actor, as_user

BEGIN_JOB = "automation.jobs.begin_enrolments"
WORDED = (StepKind.DM, StepKind.REPLY, StepKind.EMAIL)


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One wording."""

    text: str
    name: str = "A"
    subject: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step; ``delay`` in seconds before it."""

    kind: str
    delay: float = 0.0
    variants: tuple[VariantSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of the profiles somebody wanted to enrol."""

    added: int
    already: int
    suppressed: int
    unsuitable: int  # on another network, one of our own accounts, or an address that takes no mail


@transaction.atomic
def create_campaign(
    *,
    name: str,
    network: str,
    steps: Sequence[StepSpec],
    accounts: Iterable[Account],
    by: Actor,
    description: str = "",
    daily_limit: int | None = None,
    stop_on_reply: bool = True,
) -> Campaign:
    """Write a draft with its steps and accounts; raises :class:`ValidationError` naming what does not fit."""
    if network not in registry.load():
        raise ValidationError(
            {"network": f'"{network}" is not a network. Known: {", ".join(registry.load())}.'}
        )
    campaign = Campaign(
        name=name, network=network, description=description, daily_limit=daily_limit, stop_on_reply=stop_on_reply,
        created_by=as_user(by),
    )  # fmt: skip
    campaign.full_clean()
    campaign.save()
    set_accounts(campaign=campaign, accounts=accounts, by=by)
    set_steps(campaign=campaign, steps=steps, by=by)
    events.emit("campaign.created", model="automation.campaign", ids=[campaign.pk], by=by)
    return campaign


def set_accounts(*, campaign: Campaign, accounts: Iterable[Account], by: Actor) -> None:
    """Say which accounts act; each must be on the campaign's network, and one that has begun needs at least one."""
    chosen = list(accounts)
    if not chosen and campaign.status != CampaignStatus.DRAFT:
        raise ValidationError({"accounts": "A campaign that has begun needs at least one account."})
    strangers = [str(account) for account in chosen if account.network != campaign.network]
    if strangers:
        raise ValidationError({"accounts": f"Not on {campaign.network}: {', '.join(strangers)}."})
    campaign.accounts.set(chosen)
    events.emit("campaign.changed", model="automation.campaign", ids=[campaign.pk], by=by)


@transaction.atomic
def set_steps(*, campaign: Campaign, steps: Sequence[StepSpec], by: Actor) -> None:
    """Replace the steps of a draft; raises :class:`ValidationError` for a step its network cannot do or without words."""
    if campaign.status != CampaignStatus.DRAFT:
        raise ValidationError("Only a draft's steps can be changed. Copy the campaign to change it.")
    check_steps(campaign.network, steps)
    campaign.steps.all().delete()
    for position, spec in enumerate(steps, start=1):
        step = Step.objects.create(campaign=campaign, position=position, kind=spec.kind, delay=spec.delay)
        Variant.objects.bulk_create(
            Variant(step=step, name=v.name, subject=v.subject, text=v.text, weight=v.weight)
            for v in spec.variants
        )
    events.emit("campaign.changed", model="automation.campaign", ids=[campaign.pk], by=by)


def check_steps(network: str, steps: Sequence[StepSpec]) -> None:
    """Raise :class:`ValidationError` for the first step that could not run."""
    can = registry.capabilities(network)
    for position, spec in enumerate(steps, start=1):
        if spec.kind not in StepKind.values:
            raise ValidationError(
                {
                    "steps": f'Step {position}: "{spec.kind}" is not a step. Known: {", ".join(StepKind.values)}.'
                }
            )
        if spec.kind != StepKind.WAIT and spec.kind not in can:
            why = networks.why_closed(network, spec.kind)
            raise ValidationError({"steps": f"Step {position}: {network} cannot {spec.kind}.{why}"})
        if spec.delay < 0:
            raise ValidationError({"steps": f"Step {position}: a delay cannot be below zero."})
        if spec.kind in WORDED and not any(v.text.strip() and v.weight > 0 for v in spec.variants):
            raise ValidationError({"steps": f"Step {position}: give at least one wording."})
        for variant in spec.variants:
            wording.check(variant.text)
            wording.check(variant.subject)
    mail.check_steps(steps)


@transaction.atomic
def enrol(*, campaign: Campaign, profiles: Iterable[Profile], by: Actor) -> Enrolled:
    """Put people on the campaign's list, each once however often asked; who said no is left out.

    Sends nothing by itself: a running campaign begins them in the background, a draft when it is started.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if campaign.status in ENDED_CAMPAIGNS:
        raise ValidationError("This campaign has ended. Copy it to go on.")
    found = _with_person(profiles)
    ours = _our_handles(campaign.network, (profile.handle for profile in found))
    suitable = [p for p in found if p.network == campaign.network and p.handle.casefold() not in ours]
    # The last of a person's stands for them: the surest address, and of equals the oldest. A bad one never does.
    suitable = sorted((p for p in suitable if p.mail_verdict != MailVerdict.BAD), key=_sureness)
    chosen = {profile.person_id for profile in found}
    fits = list({profile.person_id: profile for profile in suitable}.values())
    consenting = [p for p in fits if p.person.suppressed_at is None]
    there = campaign.enrolments.filter(person_id__in=[p.person_id for p in consenting])
    known = set(there.values_list("person_id", flat=True))  # we hold the campaign's row: nobody else adds
    new = [p for p in consenting if p.person_id not in known]
    Enrolment.objects.bulk_create(
        [Enrolment(campaign=campaign, person_id=p.person_id, profile=p) for p in new],
        ignore_conflicts=True,
        batch_size=1000,
    )
    added = len(new)
    if added:
        events.emit("campaign.enrolled", model="automation.campaign", ids=[campaign.pk], by=by, added=added)
        if campaign.status == CampaignStatus.RUNNING:
            queue.enqueue(BEGIN_JOB, campaign.pk)
    return Enrolled(
        added=added,
        already=len(consenting) - added,
        suppressed=len(fits) - len(consenting),
        unsuitable=len(chosen) - len(fits),
    )


def _with_person(profiles: Iterable[Profile]) -> list[Profile]:
    ids = [profile.pk for profile in profiles]
    return list(Profile.objects.filter(pk__in=ids).select_related("person").order_by("-pk"))


def _sureness(profile: Profile) -> int:
    return (MailVerdict.RISKY, "", MailVerdict.GOOD).index(profile.mail_verdict)


def _our_handles(network: str, handles: Iterable[str]) -> set[str]:
    """Those handles that are our own accounts': nobody campaigns at themselves."""
    wanted = {handle.casefold() for handle in handles}
    return {
        h.casefold() for h in Account.objects.filter(network=network).values_list("handle", flat=True)
    } & wanted


@transaction.atomic
def start(*, campaign: Campaign, by: Actor) -> None:
    """From draft to running: everybody enrolled begins, in the background.

    Raises :class:`ValidationError` without steps, without an account, or when it is no draft.
    """
    locked = _lock(campaign, CampaignStatus.DRAFT, "started")
    if not locked.steps.exists():
        raise ValidationError("Give the campaign at least one step first.")
    if not locked.accounts.exists():
        raise ValidationError("Give the campaign at least one account first.")
    mail.check_start(locked)
    _set_status(locked, CampaignStatus.RUNNING, by, started_at=Now())
    queue.enqueue(BEGIN_JOB, locked.pk)
    campaign.refresh_from_db()


@transaction.atomic
def pause(*, campaign: Campaign, by: Actor, reason: str = "") -> None:
    """Nothing more of it is claimed until it is resumed; its waiting tasks are shelved with that reason."""
    locked = _lock(campaign, CampaignStatus.RUNNING, "paused")
    _set_status(locked, CampaignStatus.PAUSED, by, reason=reason)
    # What has its time yet to come keeps it: it is shelved when it comes due.
    waiting = Task.objects.filter(campaign=locked, state=TaskState.PENDING, due_at__lte=Now())
    waiting.update(due_at=None, reason=Reason.CAMPAIGN_NOT_RUNNING, detail="The campaign is paused.")
    campaign.refresh_from_db()


@transaction.atomic
def resume(*, campaign: Campaign, by: Actor) -> None:
    """Its shelved tasks are due again; limits and gaps apply as ever."""
    locked = _lock(campaign, CampaignStatus.PAUSED, "resumed")
    _set_status(locked, CampaignStatus.RUNNING, by)
    shelved = Task.objects.filter(
        campaign=locked, state=TaskState.PENDING, reason=Reason.CAMPAIGN_NOT_RUNNING
    )
    lane_ids = list(shelved.values_list("lane_id", flat=True).distinct())
    shelved.update(due_at=Now(), reason=Reason.READY, detail="")
    lanes.rouse(lane_ids)
    queue.enqueue(BEGIN_JOB, locked.pk)
    campaign.refresh_from_db()


@transaction.atomic
def cancel(*, campaign: Campaign, by: Actor) -> int:
    """End it for good: open tasks that have not started are cancelled, open enrolments end. Returns the tasks cancelled."""
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.status in ENDED_CAMPAIGNS:
        raise ValidationError("This campaign has ended already.")
    _set_status(locked, CampaignStatus.CANCELLED, by, finished_at=Now())
    ids = list(
        Task.objects.filter(campaign=locked, state__in=(TaskState.PENDING, TaskState.RUNNING)).values_list(
            "id", flat=True
        )
    )
    cancelled = tasks.cancel(ids, reason=Reason.CAMPAIGN_ENDED, by=by, tell=False)
    Enrolment.objects.filter(campaign=locked, state__in=OPEN_ENROLMENTS).update(
        state=EnrolmentState.FAILED, detail="The campaign was cancelled.", finished_at=Now()
    )
    campaign.refresh_from_db()
    return cancelled


def _lock(campaign: Campaign, status: str, deed: str) -> Campaign:
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.status != status:
        raise ValidationError(f"A {locked.get_status_display().lower()} campaign cannot be {deed}.")
    return locked


def _set_status(campaign: Campaign, status: str, by: Actor, *, reason: str = "", **moments: Now) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        status=status, status_reason=reason[:500], status_changed_at=Now(), **moments
    )
    events.emit(f"campaign.{status}", model="automation.campaign", ids=[campaign.pk], by=by, reason=reason)
