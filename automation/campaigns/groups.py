"""Everybody of a segment or a list onto a campaign's list, in the background, some at a time."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from automation.campaigns.services import enrol
from automation.enums import CampaignStatus
from automation.models import Campaign
from leads.models import ListMember, PersonList, Profile, Segment, SegmentMember
from outreach.lib import events, queue
from outreach.lib.actors import Actor

JOB = "automation.jobs.enrol_group"
BATCH = 1_000  # people
SEGMENT, LIST = "segment", "list"


@transaction.atomic
def enrol_group(*, campaign: Campaign, group: Segment | PersonList, by: Actor) -> None:
    """Put everybody who is in ``group`` now on the campaign's list, with their address on its network, in the background.

    Each once however often asked; who said no is left out. Effects: ``campaign.group_enrolled``, then those of
    :func:`automation.campaigns.services.enrol` batch by batch. Raises :class:`ValidationError` when it has ended.
    """
    if campaign.status in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED):
        raise ValidationError("This campaign has ended. Copy it to go on.")
    kind = SEGMENT if isinstance(group, Segment) else LIST
    told = {"kind": kind, "group": group.pk, "people": group.people_count}
    events.emit("campaign.group_enrolled", model="automation.campaign", ids=[campaign.pk], by=by, **told)
    queue.enqueue(JOB, campaign.pk, kind, group.pk, 0)


def enrol_some(campaign_id: int, kind: str, group_id: int, after: int) -> int:
    """Enrol the next people of a group, whose id is above ``after``, and ask for the rest; how many were added.

    Called again with the same ``after`` it adds nobody twice.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None or campaign.status in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED):
        return 0
    people = list(_members(kind, group_id, after))
    if not people:
        return 0
    profiles = Profile.objects.filter(person_id__in=people, network=campaign.network).defer(
        "bio", "recent_posts"
    )
    with transaction.atomic():
        done = enrol(campaign=campaign, profiles=profiles, by=f"{kind} {group_id}")
        queue.enqueue(JOB, campaign_id, kind, group_id, people[-1])
    return done.added


def _members(
    kind: str, group_id: int, after: int
) -> QuerySet[SegmentMember, int] | QuerySet[ListMember, int]:
    if kind == SEGMENT:
        rows = SegmentMember.objects.filter(segment_id=group_id, person_id__gt=after)
        return rows.order_by("person_id").values_list("person_id", flat=True)[:BATCH]
    listed = ListMember.objects.filter(list_id=group_id, person_id__gt=after)
    return listed.order_by("person_id").values_list("person_id", flat=True)[:BATCH]
