"""Segments and lists onto a campaign's list: everybody once, in batches, nobody who said no."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django_q.models import OrmQ

from automation.campaigns import groups
from automation.enums import CampaignStatus
from automation.models import Enrolment
from leads import consent, segments
from tests.factories import make_campaign, make_person, make_profile

pytestmark = pytest.mark.django_db


def run_all(campaign_id: int, kind: str, group_id: int) -> None:
    after, seen = 0, -1
    while seen != after:
        seen = after
        groups.enrol_some(campaign_id, kind, group_id, after)
        enrolled = Enrolment.objects.order_by("-person_id").values_list("person_id", flat=True).first()
        after = enrolled or 0


def test_segment_is_enrolled_in_batches_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BATCH", 2)
    people = [make_profile(person=make_person(language="de")).person for _ in range(5)]
    consent.suppress_person(person_id=people[2].pk, by="test")
    rules = {"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}
    segment = segments.create_segment(name="S", rules=rules, by="test")
    segments.build(segment.pk)
    campaign = make_campaign()
    OrmQ.objects.all().delete()
    groups.enrol_group(campaign=campaign, group=segment, by="test")
    assert OrmQ.objects.filter(payload__contains="enrol_group").count() == 1
    run_all(campaign.pk, "segment", segment.pk)
    groups.enrol_some(campaign.pk, "segment", segment.pk, 0)
    willing = sorted(person.pk for person in people if person != people[2])
    assert sorted(Enrolment.objects.values_list("person_id", flat=True)) == willing


def test_list_is_enrolled_with_addresses_of_the_network_only() -> None:
    reachable, other = make_profile(), make_profile(network="email")
    chosen = segments.create_list(name="L", by="test")
    segments.add_to_list(chosen, [reachable.person_id, other.person_id], by="test")
    campaign = make_campaign()
    assert groups.enrol_some(campaign.pk, "list", chosen.pk, 0) == 1
    assert Enrolment.objects.get().profile == reachable


def test_ended_campaign_takes_nobody() -> None:
    chosen = segments.create_list(name="L", by="test")
    with pytest.raises(ValidationError, match="has ended"):
        groups.enrol_group(campaign=make_campaign(status=CampaignStatus.CANCELLED), group=chosen, by="test")
