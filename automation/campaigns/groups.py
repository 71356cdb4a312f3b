"""Everybody of a segment or a list onto a campaign's list, in the background, some at a time."""

from __future__ import annotations

import time

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from automation.campaigns.services import BEGIN_JOB, Enrolled, enrol
from automation.enums import ENDED_CAMPAIGNS, CampaignStatus, GroupEnrolmentState
from automation.models import Campaign, GroupEnrolment
from leads.models import ListMember, PersonList, Profile, Segment, SegmentMember
from outreach.lib import events, queue, stopping
from outreach.lib.actors import Actor, as_user

JOB = "automation.jobs.enrol_group"
BATCH = 1_000  # people in one transaction


@transaction.atomic
def enrol_group(*, campaign: Campaign, group: Segment | PersonList, by: Actor) -> GroupEnrolment:
    """Put everybody who is in ``group`` now on the campaign's list, with their address on its network, in the background.

    Each once however often asked; who said no is left out. While the same group is on its way, that is what is given
    back. Effects: ``campaign.group_enrolled``, then those of :func:`automation.campaigns.services.enrol` batch by batch.
    Raises :class:`ValidationError` when the campaign has ended.
    """
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.status in ENDED_CAMPAIGNS:
        raise ValidationError("This campaign has ended. Copy it to go on.")
    which = {"segment": group} if isinstance(group, Segment) else {"list": group}
    made, new = GroupEnrolment.objects.get_or_create(
        campaign=locked, state=GroupEnrolmentState.RUNNING, **which,
        defaults={"people": group.people_count, "created_by": as_user(by)},
    )  # fmt: skip
    if new:
        told = {"kind": next(iter(which)), "group": group.pk, "people": group.people_count}
        events.emit("campaign.group_enrolled", model="automation.campaign", ids=[locked.pk], by=by, **told)
    _go_on(made.pk)
    return made


def enrol_some(group_enrolment_id: int, *, seconds: float | None = None) -> GroupEnrolment | None:
    """Go on where the last call stopped, for ``seconds`` at most. Called twice at once, one of the calls does nothing."""
    ends = None if seconds is None else time.monotonic() + seconds
    while _enrol_batch(group_enrolment_id):
        if stopping.requested() or (ends is not None and time.monotonic() > ends):
            _go_on(group_enrolment_id)
            break
    return GroupEnrolment.objects.filter(pk=group_enrolment_id).first()


@transaction.atomic
def cancel_group_enrolment(group_enrolment_id: int, *, by: Actor) -> bool:
    """Enrol nobody more of it; whether it was still under way. Whoever is enrolled stays. Effects:
    ``campaign.group_enrolment_cancelled``.
    """
    running = GroupEnrolment.objects.filter(pk=group_enrolment_id, state=GroupEnrolmentState.RUNNING)
    cancelled = running.update(state=GroupEnrolmentState.CANCELLED, finished_at=Now())
    if cancelled:
        made = GroupEnrolment.objects.get(pk=group_enrolment_id)
        events.emit(
            "campaign.group_enrolment_cancelled", model="automation.campaign", ids=[made.campaign_id], by=by
        )
        queue.enqueue(BEGIN_JOB, made.campaign_id)  # it may have been all that the campaign waited for
    return bool(cancelled)


def go_on_with_all() -> int:
    """Nudge every group that is on its way; how many. A nudge too many does nothing."""
    waiting = GroupEnrolment.objects.filter(state=GroupEnrolmentState.RUNNING).order_by("pk")
    keys = list(waiting.values_list("pk", flat=True))
    for key in keys:
        _go_on(key)
    return len(keys)


def _go_on(group_enrolment_id: int) -> None:
    queue.enqueue(JOB, group_enrolment_id, dedupe=f"group enrolment {group_enrolment_id}")


@transaction.atomic
def _enrol_batch(group_enrolment_id: int) -> bool:
    """Whether there is more to do; false, too, when somebody else is at it."""
    running = GroupEnrolment.objects.filter(pk=group_enrolment_id, state=GroupEnrolmentState.RUNNING)
    made = (
        running.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("campaign")
        .first()
    )
    if made is None:
        return False
    if made.campaign.status in ENDED_CAMPAIGNS:
        _finish(made, GroupEnrolmentState.CANCELLED)
        return False
    people = _members(made)
    if not people:
        _finish(made, GroupEnrolmentState.COMPLETED)
        return False
    _count(made, people, enrol_people(made.campaign, people, by=f"group enrolment {made.pk}"))
    return True


def enrol_people(campaign: Campaign, people: list[int], *, by: Actor) -> Enrolled:
    """Enrol these people with their addresses on the campaign's network; whoever has none counts as unsuitable."""
    theirs = Profile.objects.filter(person_id__in=people, network=campaign.network)
    done = enrol(campaign=campaign, profiles=theirs.defer("bio", "recent_posts"), by=by)
    without = len(set(people)) - (done.added + done.already + done.suppressed)
    return Enrolled(done.added, done.already, done.suppressed, unsuitable=without)


def _members(made: GroupEnrolment) -> list[int]:
    if made.segment_id:
        members = SegmentMember.objects.filter(segment=made.segment_id, person_id__gt=made.after)
        return list(members.order_by("person_id").values_list("person_id", flat=True)[:BATCH])
    listed = ListMember.objects.filter(list=made.list_id, person_id__gt=made.after)
    return list(listed.order_by("person_id").values_list("person_id", flat=True)[:BATCH])


def _count(made: GroupEnrolment, people: list[int], done: Enrolled) -> None:
    GroupEnrolment.objects.filter(pk=made.pk).update(
        after=people[-1], looked_at=F("looked_at") + len(people), added=F("added") + done.added,
        already=F("already") + done.already, suppressed=F("suppressed") + done.suppressed,
        unsuitable=F("unsuitable") + done.unsuitable,
    )  # fmt: skip


def _finish(made: GroupEnrolment, state: GroupEnrolmentState) -> None:
    GroupEnrolment.objects.filter(pk=made.pk).update(state=state, finished_at=Now())
    if made.campaign.status == CampaignStatus.RUNNING:
        queue.enqueue(BEGIN_JOB, made.campaign_id)  # completes it, if everybody has come to an end meanwhile
