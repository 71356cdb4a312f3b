"""Two people made one and two again: everything moves, and everything comes back, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.enums import ActionKind
from automation.enums import EnrolmentState, TaskState
from automation.models import (
    Decision,
    Enrolment,
    Message,
    OpenLead,
    Opportunity,
    ProfilePost,
    PromptTrial,
    Task,
)
from leads import consent, merging, segments, services
from leads.enums import MatchKind
from leads.merging import relations
from leads.models import (
    Duplicate,
    Import,
    ImportRow,
    ListMember,
    MatchKey,
    Merge,
    Note,
    Person,
    PersonList,
    Profile,
    Segment,
    SegmentMember,
    Suppression,
)
from tests.factories import (
    make_account,
    make_campaign,
    make_conversation,
    make_enrolment,
    make_lane,
    make_look,
    make_person,
    make_profile,
    make_task,
)

pytestmark = pytest.mark.django_db

# Written by what happens, not by what is: they tell of a merge and of its undoing.
LEDGERS = {"leads_merge", "leads_personchange", "leads_matchpending", "automation_lane"}


def dump() -> dict[str, list[Any]]:
    """Every row of every table of ours, as the database prints it."""
    tables = {
        model._meta.db_table for app in ("leads", "automation") for model in apps.get_app_config(app).get_models(True)
        if not model._meta.proxy
    } - LEDGERS  # fmt: skip
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f'SELECT t::text FROM "{table}" AS t ORDER BY 1')
            found[table] = [row for (row,) in cursor.fetchall()]
    return found


def rich_person(name: str, campaign: Any, tag: str) -> Person:
    """Somebody with a row in every table that knows people."""
    person = make_person(display_name=name, company="", title=f"{name}'s title")
    profile = make_profile(f"{name}.handle", person=person, bio=f"I am {name}")
    make_profile(f"{name}@example.org", network="email", person=person)
    Note.objects.create(person=person, text=f"Met {name}")
    services.tag([person.pk], [tag, "both"], by="test")
    account = make_account()
    enrolment = make_enrolment(campaign, profile, account=account)
    task = make_task(
        make_lane(account),
        kind=ActionKind.DM,
        person=person,
        profile=profile,
        enrolment=enrolment,
        campaign=campaign,
    )
    conversation = make_conversation(account, profile)
    Message.objects.create(
        conversation=conversation, direction="out", text="Hi", task=task, enrolment=enrolment,
        sent_at=person.created_at,
    )  # fmt: skip
    Decision.objects.create(person=person, verdict="qualified", reason="Fits")
    OpenLead.objects.create(person=person)
    PromptTrial.objects.create(person=person, version="1", model="small", verdict="qualified")
    belong(person, name)
    return person


def belong(person: Person, name: str) -> None:
    """Rows of lists, segments and files, and what was read of their profile."""
    profile = person.profiles.earliest("pk")
    listed, _ = PersonList.objects.get_or_create(name="Roasters")
    ListMember.objects.create(list=listed, person=person)
    segment, _ = Segment.objects.get_or_create(
        name="Everybody", defaults={"rules": {"match": "all", "rules": []}}
    )
    SegmentMember.objects.create(segment=segment, person=person)
    MatchKey.objects.create(person=person, kind=MatchKind.HANDLE, value=name)
    run, _ = Import.objects.get_or_create(name="people.csv")
    ImportRow.objects.create(import_run=run, number=person.pk, outcome="created", person=person)
    post = ProfilePost.objects.create(profile=profile, remote_id="1", text="New beans")
    Opportunity.objects.create(
        post=post, profile=profile, network=profile.network, score=50, expires_at=person.created_at
    )
    make_look(profile=profile, query=profile.handle)


@pytest.fixture
def pair() -> tuple[Person, Person]:
    campaign = make_campaign()
    kept, gone = rich_person("ann", campaign, "a"), rich_person("anna", campaign, "b")
    make_enrolment(make_campaign(), gone.profiles.first())
    Duplicate.objects.create(first=kept, second=gone, score=80)
    return kept, gone


def test_every_table_about_people_says_what_becomes_of_it() -> None:
    assert merging.unregistered() == []


def test_the_pair_has_rows_wherever_people_have_some(pair: tuple[Person, Person]) -> None:
    """Else the tests below would show less than they say. A no is told of by tests of its own."""
    for relation in relations.all_relations():
        if relation.model not in (Merge, Suppression):
            for person in pair:
                assert relation.rows([person.pk]).exists(), relation.model


def test_merge_moves_everything_and_undo_restores_every_row(pair: tuple[Person, Person]) -> None:
    kept, gone = pair
    before = dump()
    record = merging.merge(kept=kept, gone=gone, by="test", choose={"title": "gone"})

    assert not Person.objects.filter(pk=gone.pk).exists()
    kept.refresh_from_db()
    assert (kept.display_name, kept.title) == ("ann", "anna's title")
    assert record.values["title"] == {"value": "anna's title", "from": "gone", "other": "ann's title"}
    assert Profile.objects.filter(person=kept).count() == 4
    assert set(kept.tags.values_list("name", flat=True)) == {"a", "b", "both"}
    assert kept.notes.count() == kept.conversations.count() == kept.decisions.count() == 2
    assert Enrolment.objects.filter(person=kept).count() == 2
    assert Task.objects.filter(person=kept, state=TaskState.PENDING).count() == 1, (
        "one way through a campaign"
    )
    assert Message.objects.filter(enrolment__person=kept).count() == 2
    assert record.moved["profiles"] == 2

    undone = merging.undo(Merge.objects.get(), by="test")
    assert undone.stays == ()
    assert dump() == before


@pytest.mark.parametrize("who", ["kept", "gone"])
def test_a_no_of_either_counts_for_both_and_undo_gives_it_back_exactly(
    who: str, pair: tuple[Person, Person]
) -> None:
    kept, gone = pair
    said_no = kept if who == "kept" else gone
    consent.suppress_person(person_id=said_no.pk, by="test", detail="No thanks")
    before = dump()
    merging.merge(kept=kept, gone=gone, by="test")
    kept.refresh_from_db()
    assert kept.suppressed_at is not None
    assert Suppression.objects.filter(person=kept).count() == 4
    assert not Task.objects.filter(person=kept, state=TaskState.PENDING).exists()
    assert set(Enrolment.objects.values_list("state", flat=True)) == {EnrolmentState.OPTED_OUT}
    merging.undo(Merge.objects.get(), by="test")
    assert dump() == before


def test_a_no_said_after_the_merge_stays_with_both(pair: tuple[Person, Person]) -> None:
    kept, gone = pair
    consent.suppress_person(person_id=gone.pk, by="test")
    merging.merge(kept=kept, gone=gone, by="test")
    consent.suppress_address(network="email", handle="ann@example.org", by="inbox")
    merging.undo(Merge.objects.get(), by="test")
    assert not Person.objects.consenting().filter(pk__in=[kept.pk, gone.pk]).exists()


def test_what_happened_since_stays_as_it_is(pair: tuple[Person, Person]) -> None:
    kept, gone = pair
    (task,) = Task.objects.filter(person=gone)
    merging.merge(kept=kept, gone=gone, by="test")
    Person.objects.filter(pk=kept.pk).update(company="Acme")
    note = Note.objects.get(text="Met anna")
    note.text = "Met her"
    note.save(update_fields=["text"])
    Task.objects.filter(pk=task.pk).update(detail="Somebody's remark")
    undone = merging.undo(Merge.objects.get(), by="test")
    kept.refresh_from_db()
    note.refresh_from_db()
    assert kept.company == "Acme"
    assert (note.text, note.person_id) == ("Met her", gone.pk)
    task.refresh_from_db()
    assert (task.person_id, task.detail) == (gone.pk, "Somebody's remark")
    assert all("updated_at" in one or "detail" in one for one in undone.stays)


def test_merge_waits_for_an_act_that_is_under_way(pair: tuple[Person, Person]) -> None:
    kept, gone = pair
    Task.objects.filter(person=gone).update(state=TaskState.RUNNING)
    before = dump()
    with pytest.raises(ValueError, match="Try again"):
        merging.merge(kept=kept, gone=gone, by="test")
    assert dump() == before


def test_merges_are_taken_back_in_turn() -> None:
    ann, bo, cy = (make_profile().person for _ in range(3))
    first = merging.merge(kept=ann, gone=bo, by="test")
    second = merging.merge(kept=cy, gone=ann, by="test")
    with pytest.raises(ValueError, match="later merge first"):
        merging.undo(first, by="test")
    merging.undo(second, by="test")
    merging.undo(first, by="test")
    assert Person.objects.count() == 3
    with pytest.raises(ValueError, match="already"):
        merging.undo(first, by="test")


def test_who_answered_in_a_campaign_is_not_begun_there_again() -> None:
    campaign = make_campaign()
    kept, gone = make_enrolment(campaign), make_enrolment(campaign, state=EnrolmentState.REPLIED, position=1)
    merging.merge(kept=kept.person, gone=gone.person, by="test")
    assert Enrolment.objects.get().state == EnrolmentState.REPLIED


@pytest.mark.parametrize(
    ("choose", "sentence"), [({"shoe": "kept"}, 'no "shoe"'), ({"title": "both"}, "comes from")]
)
def test_merge_refuses_a_choice_that_means_nothing(choose: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        merging.merge(kept=make_person(), gone=make_person(), by="test", choose=choose)


def test_segments_follow_a_merge_and_its_undoing() -> None:
    kept, gone = make_person(language="en"), make_person(language="de")
    rules = {"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}
    segment = segments.create_segment(name="S", rules=rules, by="test")
    segments.build(segment.pk)
    record = merging.merge(kept=kept, gone=gone, by="test", choose={"language": "gone"})
    segments.follow_changes()
    assert list(segment.members.values_list("person_id", flat=True)) == [kept.pk]
    merging.undo(record, by="test")
    segments.follow_changes()
    assert list(segment.members.values_list("person_id", flat=True)) == [gone.pk]
