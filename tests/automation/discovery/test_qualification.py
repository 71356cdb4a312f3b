"""Judging leads by rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from automation.discovery import qualification
from automation.discovery.qualification import Judged
from automation.enums import Verdict
from automation.models import Decision, QualificationRule
from leads.enums import Lifecycle, Stage
from leads.models import Person, Profile
from tests.factories import make_person, make_profile


def a_rule(**fields: Any) -> QualificationRule:
    return QualificationRule(**{"name": "Coffee", **fields})


def a_profile(**fields: Any) -> Profile:
    return Profile(**{"network": "sandbox", "handle": "ada", **fields})


@pytest.mark.parametrize(
    ("rule", "profile", "matches"),
    [
        ({}, {}, True),
        ({"network": "mastodon"}, {}, False),
        ({"keywords": ["coffee"]}, {"bio": "I love Coffee."}, True),
        ({"keywords": ["coffee"]}, {"bio": "coffeehouse owner"}, False),
        ({"keywords": ["art"]}, {"bio": "start-up, party"}, False),
        ({"keywords": ["art"]}, {"bio": "modern-art collector"}, True),
        ({"keywords": ["c++"]}, {"bio": "I write C++ all day"}, True),
        ({"keywords": ["café"]}, {"bio": "un CAFÉ, merci"}, True),
        ({"keywords": ["tea", "coffee"]}, {"recent_posts": [{"text": "more coffee"}]}, True),
        ({"keywords": ["coffee"], "languages": ["en"]}, {"bio": "coffee", "language": "de"}, False),
        ({"min_followers": 10}, {"followers_count": 10}, True),
        ({"min_followers": 10}, {"followers_count": 9}, False),
        ({"min_followers": 10}, {"followers_count": None}, False),
        ({"max_followers": 10}, {"followers_count": 10}, True),
        ({"max_followers": 10}, {"followers_count": 11}, False),
        ({"min_posts": 1}, {"posts_count": 0}, False),
    ],
)
def test_a_rule_matches_when_all_it_names_holds(
    rule: dict[str, Any], profile: dict[str, Any], matches: bool
) -> None:
    assert (qualification.match(a_rule(**rule), a_profile(**profile)) is not None) == matches


def test_a_finding_quotes_the_words_it_rests_on_and_says_the_rule() -> None:
    bio = "x" * 100 + " roasts coffee at home " + "y" * 100
    rule = a_rule(keywords=["coffee", "tea"], languages=["en"], min_followers=5, max_followers=9, min_posts=1)
    finding = qualification.match(rule, a_profile(bio=bio, language="en", followers_count=6, posts_count=2))
    assert finding is not None
    assert "roasts coffee at home" in finding.evidence
    assert len(finding.evidence) <= 60 + len("coffee") + 60
    assert finding.reason == (
        "Rule “Coffee”: mentions coffee or tea, writes en, at least 5 followers, at most 9 followers, at least 1 posts"
    )
    assert qualification.describe(a_rule()) == "everybody"


@given(st.text(min_size=1, max_size=20), st.text(max_size=200))
def test_any_keyword_may_be_looked_for_in_any_text(keyword: str, bio: str) -> None:
    finding = qualification.match(a_rule(keywords=[keyword]), a_profile(bio=bio))
    assert (
        finding is None
        or keyword.casefold() in bio.casefold()
        or keyword.lower() in bio.lower()
        or finding.evidence
    )


# --- Judging -----------------------------------------------------------------------------------------------
def coffee_person(**fields: Any) -> Person:
    person = make_person(**fields)
    make_profile(person=person, bio="coffee")
    return person


@pytest.fixture
def rules() -> tuple[QualificationRule, QualificationRule]:
    yes = QualificationRule.objects.create(name="Coffee", keywords=["coffee"], score=80, position=2)
    no = QualificationRule.objects.create(
        name="Shops", keywords=["shop"], verdict=Verdict.DISQUALIFIED, score=5, position=1
    )
    return yes, no


@pytest.mark.django_db
def test_the_first_rule_that_matches_decides_with_its_reason(rules: tuple[QualificationRule, ...]) -> None:
    fits, open_one = coffee_person(), make_person()
    shop = make_person()
    make_profile(person=shop, bio="coffee shop")
    judged = qualification.qualify([fits.pk, open_one.pk, shop.pk], by=None)
    assert judged == Judged(qualified=1, disqualified=1, open=1)
    for person in (fits, open_one, shop):
        person.refresh_from_db()
    assert [(p.stage, p.score) for p in (fits, open_one, shop)] == [
        (Stage.QUALIFIED, 80), (Stage.NEW, None), (Stage.DISQUALIFIED, 5),
    ]  # fmt: skip
    assert fits.stage_reason == "Rule “Coffee”: mentions coffee"
    assert Decision.objects.get(person=shop).evidence == "coffee shop"
    assert not Decision.objects.filter(person=open_one).exists()


@pytest.mark.django_db
def test_judging_again_by_the_same_words_adds_no_decision(rules: tuple[QualificationRule, ...]) -> None:
    person = coffee_person()
    for _ in range(3):
        qualification.qualify([person.pk], by=None)
    assert Decision.objects.count() == 1


@pytest.mark.django_db
def test_a_rule_that_is_off_judges_nobody(rules: tuple[QualificationRule, ...]) -> None:
    QualificationRule.objects.update(active=False)
    assert qualification.qualify([coffee_person().pk], by=None) == Judged(open=1)


@pytest.mark.django_db
def test_a_persons_own_judgement_stays(rules: tuple[QualificationRule, ...]) -> None:
    grace = User.objects.create(username="grace")
    person = coffee_person()
    decision = qualification.decide(
        person=person, verdict=Verdict.DISQUALIFIED, reason="A competitor", by=grace
    )
    assert decision.decided_by == grace
    assert qualification.qualify([person.pk], by=None) == Judged()
    person.refresh_from_db()
    assert (person.stage, person.stage_reason) == (Stage.DISQUALIFIED, "A competitor")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"stage": Stage.CONTACTED}, {"stage": Stage.REPLIED}, {"lifecycle": Lifecycle.CONTACT}]
)
def test_whom_we_have_written_to_is_judged_no_more(
    rules: tuple[QualificationRule, ...], fields: dict[str, Any]
) -> None:
    person = coffee_person(**fields)
    assert qualification.qualify([person.pk], by=None) == Judged()
    person.refresh_from_db()
    assert person.stage == fields.get("stage", Stage.NEW)
