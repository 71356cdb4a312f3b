"""A campaign that follows a segment: newcomers enrolled as they come, each once, never after a no, whatever nudge is lost."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django_q.models import OrmQ

from automation import jobs
from automation.campaigns import newcomers, progress
from automation.enums import CampaignStatus, EnrolmentState
from automation.models import Campaign, Enrolment, Task
from leads import consent, segments
from leads.models import Segment
from tests.automation.campaigns.test_groups import built_segment, enrolled, german_people, nudges
from tests.factories import make_account, make_campaign, make_enrolment, make_lane, make_person, make_profile

pytestmark = pytest.mark.django_db


def followed(segment: Segment, **options: bool) -> Campaign:
    campaign = make_campaign()
    return newcomers.follow_segment(campaign=campaign, segment=segment, by="test", **options)


def test_newcomers_are_enrolled_and_who_was_there_is_not() -> None:
    german_people(2)
    campaign = followed(built_segment())
    jobs.enrol_newcomers(campaign.pk)
    assert enrolled() == []

    OrmQ.objects.all().delete()
    come = german_people(2)
    segments.follow_changes()
    assert nudges("jobs.enrol_newcomers") == 1, "the segment's own change asks for it"
    assert jobs.enrol_newcomers(campaign.pk) == 2
    assert enrolled() == sorted(person.pk for person in come)
    assert jobs.enrol_newcomers(campaign.pk) == 0


def test_following_with_everybody_enrols_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "BATCH", 2)
    there = german_people(5)
    campaign = followed(built_segment(), everybody=True)
    assert jobs.enrol_newcomers(campaign.pk) == 5
    assert enrolled() == sorted(person.pk for person in there)


def test_newcomer_who_said_no_is_left_out() -> None:
    campaign = followed(built_segment())
    willing, silent = german_people(2)
    consent.suppress_person(person_id=silent.pk, by="test")
    segments.follow_changes()
    jobs.enrol_newcomers(campaign.pk)
    assert enrolled() == [willing.pk]


def test_newcomer_who_left_and_came_back_is_enrolled_once() -> None:
    campaign = followed(built_segment())
    (person,) = german_people(1)
    for language in ("de", "en", "de"):
        type(person).objects.filter(pk=person.pk).update(language=language)
        segments.follow_changes()
        jobs.enrol_newcomers(campaign.pk)
    assert enrolled() == [person.pk]


def test_newcomers_survive_a_lost_nudge() -> None:
    campaign = followed(built_segment())
    (person,) = german_people(1)
    segments.follow_changes()
    OrmQ.objects.all().delete()
    jobs.begin_forgotten_enrolments()
    assert nudges("jobs.enrol_newcomers") == 1
    jobs.enrol_newcomers(campaign.pk)
    assert enrolled() == [person.pk]
    OrmQ.objects.all().delete()
    jobs.begin_forgotten_enrolments()
    assert nudges("jobs.enrol_newcomers") == 0, "there is nobody left to look at"


def test_draft_keeps_newcomers_until_it_is_started() -> None:
    campaign = followed(built_segment())
    account = make_account()
    make_lane(account)
    campaign.accounts.add(account)
    campaign.steps.create(position=1, kind="follow")
    german_people(1)
    segments.follow_changes()
    jobs.enrol_newcomers(campaign.pk)
    jobs.begin_enrolments(campaign.pk)
    assert Enrolment.objects.get().state == EnrolmentState.QUEUED
    assert not Task.objects.exists()

    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.RUNNING)
    german_people(1)
    segments.follow_changes()
    OrmQ.objects.all().delete()
    jobs.enrol_newcomers(campaign.pk)
    assert nudges("jobs.begin_enrolments") == 1
    jobs.begin_enrolments(campaign.pk)
    assert set(Enrolment.objects.values_list("state", flat=True)) == {EnrolmentState.ACTIVE}
    assert Task.objects.count() == 2


def test_campaign_that_follows_a_segment_goes_on_when_all_are_done() -> None:
    segment = built_segment()
    campaign = followed(segment)
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.RUNNING)
    make_enrolment(campaign, state=EnrolmentState.DONE)
    assert not progress.settle_completion(campaign.pk)
    newcomers.follow_segment(campaign=campaign, segment=None, by="test")
    assert progress.settle_completion(campaign.pk)


def test_ended_campaign_follows_nothing() -> None:
    segment = built_segment()
    campaign = followed(segment)
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.CANCELLED)
    german_people(1)
    OrmQ.objects.all().delete()
    segments.follow_changes()
    assert nudges("jobs.enrol_newcomers") == 0
    assert jobs.enrol_newcomers(campaign.pk) == 0
    with pytest.raises(ValidationError, match="has ended"):
        newcomers.follow_segment(campaign=campaign, segment=segment, by="test")


def test_segment_that_is_deleted_lets_its_campaign_go() -> None:
    segment = built_segment()
    campaign = followed(segment)
    segments.delete_segment(segment, by="test")
    campaign.refresh_from_db()
    assert campaign.segment is None
    assert jobs.enrol_newcomers(campaign.pk) == 0


def test_newcomer_without_an_address_on_the_network_is_passed_over() -> None:
    campaign = followed(built_segment())
    make_profile(network="email", person=make_person(language="de"))
    (reachable,) = german_people(1)
    segments.follow_changes()
    assert jobs.enrol_newcomers(campaign.pk) == 1
    assert enrolled() == [reachable.pk]
