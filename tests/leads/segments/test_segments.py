"""Segments: built once, then true to every change, by whatever hand it came."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from leads import consent, duplicates, importing, segments, services
from leads.enums import Stage
from leads.models import ListMember, Person, PersonChange, Profile, Segment, SegmentMember
from leads.segments import building
from leads.segments.rules import check, in_words
from tests.factories import make_person, make_profile

pytestmark = pytest.mark.django_db

GERMANS = {"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}


def make_segment(rules: dict[str, Any], name: str = "S") -> Segment:
    made = segments.create_segment(name=name, rules=rules, by="test")
    built, finished = segments.build(made.pk)
    assert finished
    assert built is not None
    return built


def members(segment: Segment) -> set[int]:
    segments.follow_changes()
    people = set(SegmentMember.objects.filter(segment=segment).values_list("person_id", flat=True))
    assert Segment.objects.get(pk=segment.pk).people_count == len(people)
    return people


def one(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"match": "all", "rules": [{"field": field, "is": operator, "value": value}]}


@pytest.mark.parametrize(
    ("rules", "fits"),
    [
        (one("language", "one_of", ["de", "fr"]), "ann"),
        (one("language", "none_of", ["de"]), "bo cy"),
        (one("country", "known", False), "bo cy"),
        (one("stage", "one_of", ["qualified"]), "bo"),
        (one("score", "at_least", 50), "ann"),
        (one("score", "known", False), "bo cy"),
        (one("followers", "at_least", 1000), "bo"),
        (one("followers", "at_most", 1000), "ann"),
        (one("posts", "known", True), "ann"),
        (one("network", "one_of", ["email"]), "bo"),
        (one("network", "none_of", ["email"]), "ann cy"),
        (one("network", "known", False), "cy"),
        (one("tag", "one_of", ["vip"]), "ann"),
        (one("tag", "none_of", ["vip"]), "bo cy"),
        (one("link", "is", True), "ann bo"),
        (one("link", "is", False), "cy"),
        (one("company", "contains", "ACME"), "cy"),
        (one("company", "lacks", "acme"), "ann bo"),
        (one("suppressed", "is", True), "cy"),
        (one("created", "since", "2020-01-01"), "ann bo cy"),
        (one("created", "before", "2020-01-01"), ""),
        ({"match": "all", "rules": []}, "ann bo cy"),
        ({"match": "any", "rules": [GERMANS, one("company", "contains", "acme")]}, "ann cy"),
        ({"match": "none", "rules": [GERMANS, one("company", "contains", "acme")]}, "bo"),
        ({"match": "all", "rules": [GERMANS, one("score", "at_most", 60)]}, ""),
    ],
)  # fmt: skip
def test_rules_fit_whom_they_say(rules: dict[str, Any], fits: str) -> None:
    ann = make_person(first_name="ann", language="de", country="DE", score=70, website="https://ann.example")
    make_profile(person=ann, followers_count=100, posts_count=3)
    services.tag([ann.pk], ["vip"], by="test")
    bo = make_person(first_name="bo", language="en", stage=Stage.QUALIFIED)
    make_profile(person=bo, network="email", followers_count=2000, bio="see https://bo.example")
    cy = make_person(first_name="cy", company="Acme Inc")
    consent.suppress_person(person_id=cy.pk, by="test")
    found = Person.objects.filter(pk__in=members(make_segment(rules))).order_by("first_name")
    assert " ".join(found.values_list("first_name", flat=True)) == fits
    assert segments.count(rules) == segments.Counted(len(fits.split()), exact=True)
    assert in_words(check(rules))


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([], "a group has"),
        ({"match": "some", "rules": []}, "one of all, any, none"),
        ({"match": "all", "rules": [{"field": "shoe", "is": "x", "value": 1}]}, 'no field "shoe"'),
        (one("score", "one_of", ["1"]), "can be compared by at_least"),
        (one("score", "at_least", "70"), "whole number"),
        (one("score", "at_least", True), "whole number"),
        (one("stage", "one_of", ["happy"]), '"happy" is not a stage'),
        (one("created", "since", "yesterday"), "a day such as"),
        (one("link", "is", "yes"), "true or false"),
        (one("company", "contains", "\0"), "words"),
        ({"rules": [{"rules": [{"rules": [{"rules": [{"rules": []}]}]}]}]}, "deep"),
        ({"match": "all", "rules": [GERMANS["rules"][0]] * 51}, "at most 50"),  # type: ignore[index]
    ],
)
def test_rules_that_mean_nothing_are_refused_with_a_sentence(rules: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        segments.create_segment(name="S", rules=rules, by="test")
    assert not Segment.objects.exists()


def test_segment_follows_every_kind_of_change() -> None:
    person = make_person(language="en")
    segment = make_segment(GERMANS)
    assert members(segment) == set()
    services.update_person(person, language="de", by="test")
    assert members(segment) == {person.pk}
    Person.objects.update(language="fr")
    assert members(segment) == set()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE leads_person SET language = 'de'")
    assert members(segment) == {person.pk}
    person.delete()
    assert members(segment) == set()


def test_segment_follows_an_import() -> None:
    segment = make_segment(GERMANS)
    content = (
        b"email,language\n" + b"".join(b"p%d@example.org,de\n" % n for n in range(20)) + b"x@example.org,en\n"
    )
    importing.run_import(importing.start_import(name="x", content=content, by="test", dry_run=False).pk)
    assert len(members(segment)) == 20


def test_segment_follows_profiles_tags_and_lists() -> None:
    ann, bo = make_person(), make_person()
    chosen = segments.create_list(name="Fair", by="test")
    network = make_segment(one("network", "one_of", ["sandbox"]), "network")
    tagged = make_segment(one("tag", "one_of", ["vip"]), "tagged")
    listed = make_segment(one("list", "one_of", [str(chosen.pk)]), "listed")
    profile = make_profile(person=ann)
    services.tag([ann.pk], ["vip"], by="test")
    assert segments.add_to_list(chosen, [ann.pk, ann.pk, 10**9], by="test") == 1
    assert members(network) == members(tagged) == members(listed) == {ann.pk}
    Profile.objects.filter(pk=profile.pk).update(person=bo)
    services.untag([ann.pk], ["vip"], by="test")
    segments.remove_from_list(chosen, [ann.pk], by="test")
    assert members(network) == {bo.pk}
    assert members(tagged) == members(listed) == set()
    assert not ListMember.objects.exists()


def test_changes_that_change_nothing_are_not_noted() -> None:
    person = make_person(language="de")
    PersonChange.objects.all().delete()
    Person.objects.filter(pk=person.pk).update(language="de")
    assert not PersonChange.objects.exists()
    Person.objects.filter(pk=person.pk).update(language="en")
    assert list(PersonChange.objects.values_list("person_id", flat=True)) == [person.pk]


def test_build_goes_on_where_it_stopped_and_new_rules_replace_old_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "FIRST_BATCH", 3)
    monkeypatch.setattr(building, "LARGEST_BATCH", 3)
    people = [make_person(language="de" if n % 2 else "en") for n in range(10)]
    made = segments.create_segment(name="S", rules=GERMANS, by="test")
    half, finished = segments.build(made.pk, seconds=0)
    assert not finished
    assert half is not None
    assert 0 < half.built_to < people[-1].pk
    segments.build(made.pk)
    assert members(made) == {person.pk for person in people if person.language == "de"}
    segments.change_segment(made, rules=one("language", "one_of", ["en"]), by="test")
    assert Segment.objects.get().status == "building"
    segments.build(made.pk)
    assert members(made) == {person.pk for person in people if person.language == "en"}


def test_joining_is_told_in_the_same_transaction() -> None:
    heard: list[tuple[int, list[int]]] = []
    listener = lambda segment, people: heard.append((segment, people))  # noqa: E731
    segments.on_join(listener)
    try:
        segment = make_segment(GERMANS)
        person = make_person(language="de")
        segments.follow_changes()
        assert heard == [(segment.pk, [person.pk])]
    finally:
        segments.membership._joined.remove(listener)


def test_duplicates_are_found_by_what_people_share_and_leave_when_they_do_not() -> None:
    ann = make_person(display_name="Ann Lee", website="https://www.annlee.example/")
    make_profile("annlee.bsky.social", person=ann)
    twin = make_person(display_name="Somebody", website="http://annlee.example")
    make_profile("ann_lee@m.example", person=twin)
    make_profile(person=make_person(display_name="Ann Lee"))
    segments.follow_changes()
    duplicates.look()
    (pair,) = duplicates.services.Duplicate.objects.all()
    assert (pair.first_id, pair.second_id) == (ann.pk, twin.pk)
    assert pair.evidence == {"handle": ["annlee"], "site": ["annlee.example"]}
    assert pair.score == 67
    services.update_person(twin, website="https://other.example", by="test")
    segments.follow_changes()
    duplicates.look()
    assert not duplicates.services.Duplicate.objects.exists()


def test_dismissed_pairs_stay_dismissed_and_same_mailbox_is_nearly_certain() -> None:
    make_profile("ann.lee+news@gmail.com", network="email")
    make_profile("annlee@googlemail.com", network="email")
    segments.follow_changes()
    duplicates.look()
    pair = duplicates.services.Duplicate.objects.get()
    assert pair.score >= 90
    assert duplicates.dismiss(pair, by="test")
    Person.objects.update(title="CTO")
    segments.follow_changes()
    duplicates.look()
    assert duplicates.services.Duplicate.objects.get().status == "dismissed"


def test_what_many_share_says_nothing() -> None:
    for number in range(12):
        make_profile(
            f"p{number}@acme.example",
            network="email",
            person=make_person(display_name="Ann Lee", website="https://acme.example"),
        )
    segments.follow_changes()
    duplicates.look()
    assert not duplicates.services.Duplicate.objects.exists()
