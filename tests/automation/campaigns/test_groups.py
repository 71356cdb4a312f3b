"""Segments and lists onto a campaign's list: everybody once, in batches, nobody who said no, nothing lost with a nudge."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django_q.models import OrmQ

from automation import jobs
from automation.campaigns import groups, progress
from automation.enums import CampaignStatus, EnrolmentState, GroupEnrolmentState
from automation.models import Campaign, Enrolment, GroupEnrolment
from leads import consent, segments
from leads.models import Person, PersonList, Segment
from tests.factories import make_campaign, make_enrolment, make_person, make_profile

pytestmark = pytest.mark.django_db
GERMAN = {"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}


def german_people(number: int) -> list[Person]:
    return [make_profile(person=make_person(language="de")).person for _ in range(number)]


def built_segment() -> Segment:
    segment = segments.create_segment(name="S", rules=GERMAN, by="test")
    segments.build(segment.pk)
    return Segment.objects.get(pk=segment.pk)


def a_list(*person_ids: int) -> PersonList:
    chosen = segments.create_list(name="L", by="test")
    segments.add_to_list(chosen, person_ids, by="test")
    return PersonList.objects.get(pk=chosen.pk)


def nudges(word: str) -> int:
    return OrmQ.objects.filter(payload__contains=word).count()


def enrolled() -> list[int]:
    return sorted(Enrolment.objects.values_list("person_id", flat=True))


def test_segment_is_enrolled_in_batches_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BATCH", 2)
    people = german_people(5)
    consent.suppress_person(person_id=people[2].pk, by="test")
    segment, campaign = built_segment(), make_campaign()
    OrmQ.objects.all().delete()

    made = groups.enrol_group(campaign=campaign, group=segment, by="test")
    assert nudges("jobs.enrol_group") == 1
    jobs.enrol_group(made.pk)
    again = groups.enrol_group(campaign=campaign, group=segment, by="test")
    groups.enrol_some(again.pk)

    willing = sorted(person.pk for person in people if person != people[2])
    assert enrolled() == willing
    made.refresh_from_db()
    again.refresh_from_db()
    figures = [(m.state, m.people, m.looked_at, m.added, m.already, m.suppressed) for m in (made, again)]
    assert figures == [("completed", 5, 5, 4, 0, 1), ("completed", 5, 5, 0, 4, 1)]
    assert made.finished_at is not None


def test_list_is_enrolled_with_addresses_of_the_network_only() -> None:
    reachable, other = make_profile(), make_profile(network="email")
    chosen, campaign = a_list(reachable.person_id, other.person_id), make_campaign()
    made = groups.enrol_some(groups.enrol_group(campaign=campaign, group=chosen, by="test").pk)
    assert made is not None
    assert Enrolment.objects.get().profile == reachable
    assert (made.added, made.unsuitable, made.looked_at) == (1, 1, 2)


def test_group_goes_on_where_a_killed_worker_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BATCH", 2)
    people = german_people(5)
    made = groups.enrol_group(campaign=make_campaign(), group=built_segment(), by="test")
    count, calls = groups._count, []

    def killed_in_second_batch(*args: object) -> None:
        count(*args)  # type: ignore[arg-type]
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(groups, "_count", killed_in_second_batch)
    with pytest.raises(KeyboardInterrupt):
        groups.enrol_some(made.pk)
    made.refresh_from_db()
    assert (made.state, made.looked_at, made.progress) == ("running", 2, 0.4)
    assert len(enrolled()) == 2

    OrmQ.objects.all().delete()  # its nudge is lost, too
    jobs.begin_forgotten_enrolments()
    assert nudges("jobs.enrol_group") == 1
    jobs.enrol_group(made.pk)
    assert enrolled() == sorted(person.pk for person in people)


def test_group_asked_for_twice_is_on_its_way_once() -> None:
    german_people(1)
    segment, campaign = built_segment(), make_campaign()
    first, second = (groups.enrol_group(campaign=campaign, group=segment, by="test") for _ in range(2))
    assert first == second
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupEnrolment.objects.create(campaign=campaign, segment=segment)
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupEnrolment.objects.create(campaign=campaign)


def test_cancelled_group_enrols_nobody_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BATCH", 1)
    german_people(3)
    made = groups.enrol_group(campaign=make_campaign(), group=built_segment(), by="test")
    assert groups._enrol_batch(made.pk)
    assert groups.cancel_group_enrolment(made.pk, by="test")
    assert not groups.cancel_group_enrolment(made.pk, by="test")
    groups.enrol_some(made.pk)
    assert len(enrolled()) == 1


def test_ended_campaign_takes_nobody() -> None:
    person = make_profile().person
    chosen = a_list(person.pk)
    with pytest.raises(ValidationError, match="has ended"):
        groups.enrol_group(campaign=make_campaign(status=CampaignStatus.CANCELLED), group=chosen, by="test")
    campaign = make_campaign()
    made = groups.enrol_group(campaign=campaign, group=chosen, by="test")
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.CANCELLED)
    ended = groups.enrol_some(made.pk)
    assert ended is not None
    assert ended.state == GroupEnrolmentState.CANCELLED
    assert not Enrolment.objects.exists()


def test_campaign_does_not_complete_while_a_group_is_on_its_way() -> None:
    campaign = make_campaign(status=CampaignStatus.RUNNING)
    make_enrolment(campaign, state=EnrolmentState.DONE)
    made = groups.enrol_group(campaign=campaign, group=a_list(make_profile().person_id), by="test")
    assert not progress.settle_completion(campaign.pk)
    groups.enrol_some(made.pk)
    assert nudges("jobs.begin_enrolments") >= 1
    Enrolment.objects.update(state=EnrolmentState.DONE)
    assert progress.settle_completion(campaign.pk)
