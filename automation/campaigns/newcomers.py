"""A campaign may follow a segment: whoever comes into it is enrolled.

A segment's members are numbered as they come in, so that a campaign needs to remember only the last one it looked at. What it
has to look at is found by that, not by the nudge, which may be lost.
"""

from __future__ import annotations

import time

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from automation.campaigns.groups import enrol_people
from automation.campaigns.services import BEGIN_JOB
from automation.enums import ENDED_CAMPAIGNS, CampaignStatus
from automation.models import Campaign
from leads.models import Segment, SegmentMember
from outreach.lib import events, queue, stopping
from outreach.lib.actors import Actor

JOB = "automation.jobs.enrol_newcomers"
BATCH = 1_000  # people in one transaction


@transaction.atomic
def follow_segment(
    *, campaign: Campaign, segment: Segment | None, by: Actor, everybody: bool = False
) -> Campaign:
    """From now on enrol whoever comes into ``segment``, and with ``everybody`` who is in it already; ``None`` ends that.

    A campaign follows one segment at a time, and does not complete while it does. A draft keeps them queued until it is
    started. Effects: ``campaign.changed``. Raises :class:`ValidationError` when it has ended.
    """
    # The segment's row first, as whoever builds it holds it: nobody comes in between looking and following.
    if segment is not None:
        Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.status in ENDED_CAMPAIGNS:
        raise ValidationError("This campaign has ended. Copy it to go on.")
    seen = 0
    if segment is not None and not everybody:
        seen = SegmentMember.objects.filter(segment=segment).aggregate(last=Max("pk"))["last"] or 0
    Campaign.objects.filter(pk=locked.pk).update(segment=segment, segment_seen=seen)
    told = {"fields": ["segment"], "segment": segment and segment.pk, "everybody": everybody}
    events.emit("campaign.changed", model="automation.campaign", ids=[locked.pk], by=by, **told)
    if segment is not None:
        _nudge(locked.pk)
    elif locked.status == CampaignStatus.RUNNING:
        queue.enqueue(BEGIN_JOB, locked.pk)  # completes it, if everybody has come to an end
    campaign.refresh_from_db(fields=["segment", "segment_seen"])
    return campaign


def enrol_newcomers(campaign_id: int, *, seconds: float | None = None) -> int:
    """Enrol whoever came into the campaign's segment since the last call, for ``seconds`` at most; how many were added."""
    ends = None if seconds is None else time.monotonic() + seconds
    total = 0
    while (added := _enrol_batch(campaign_id)) is not None:
        total += added
        if stopping.requested() or (ends is not None and time.monotonic() > ends):
            _nudge(campaign_id)
            break
    return total


def notice(segment_id: int, person_ids: list[int]) -> None:
    """People came into a segment: have the campaigns that follow it look, after the commit."""
    following = Campaign.objects.filter(segment_id=segment_id).exclude(status__in=ENDED_CAMPAIGNS)
    for key in following.order_by("pk").values_list("pk", flat=True):
        _nudge(key)


def go_on_with_all() -> int:
    """Nudge every campaign whose segment has members it has not looked at; how many."""
    unseen = SegmentMember.objects.filter(segment=OuterRef("segment_id"), pk__gt=OuterRef("segment_seen"))
    following = Campaign.objects.filter(segment__isnull=False).exclude(status__in=ENDED_CAMPAIGNS)
    keys = list(following.filter(Exists(unseen)).order_by("pk").values_list("pk", flat=True))
    for key in keys:
        _nudge(key)
    return len(keys)


def _nudge(campaign_id: int) -> None:
    queue.enqueue(JOB, campaign_id, dedupe=f"newcomers {campaign_id}")


@transaction.atomic
def _enrol_batch(campaign_id: int) -> int | None:
    """How many were added; ``None`` when there is nobody to look at."""
    following = Campaign.objects.filter(pk=campaign_id, segment__isnull=False).exclude(
        status__in=ENDED_CAMPAIGNS
    )
    campaign = following.select_for_update(no_key=True, of=("self",)).first()
    if campaign is None:
        return None
    members = SegmentMember.objects.filter(segment=campaign.segment_id, pk__gt=campaign.segment_seen)
    newcomers = list(members.order_by("pk").values_list("pk", "person_id")[:BATCH])
    if not newcomers:
        return None
    people = [person for _, person in newcomers]
    done = enrol_people(campaign, people, by=f"segment {campaign.segment_id}")
    Campaign.objects.filter(pk=campaign_id).update(segment_seen=newcomers[-1][0])
    return done.added
