"""What the rules leave open is judged by the model: in batches, by quoted words, within quotas, and above it a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Reply

from automation.asking import configuration
from automation.discovery import qualification
from automation.discovery.qualification import agreement, judging, trials, waiting
from automation.enums import Judge, Verdict
from automation.models import (
    Decision,
    LlmCall,
    LlmSettings,
    OpenLead,
    PromptTrial,
    QualificationRule,
    TargetGroup,
)
from leads.enums import Stage
from leads.models import Person
from tests.automation.asking.conftest import set_up
from tests.factories import make_person, make_profile
from tests.scripted_model import ScriptedModel

pytestmark = pytest.mark.django_db


def honest(_system: str, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who roasts fits; the first two words of the bio are the evidence."""
    return [
        {
            "lead": lead["lead"], "fit": "roasts" in lead["bio"], "group": int("roasts" in lead["bio"]),
            "reason": "As the bio says.",
            "evidence": " ".join(lead["bio"].split()[:2]),
        }
        for lead in leads
    ]  # fmt: skip


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(honest) as endpoint:
        set_up(endpoint.url, judge_batch=4, budget=Decimal(500))
        yield endpoint


@pytest.fixture
def group() -> TargetGroup:
    return TargetGroup.objects.create(name="Coffee people", description="They roast coffee themselves.")


def a_lead(bio: str = "Light roasts at home", **fields: Any) -> Person:
    person = make_person(**fields)
    make_profile(person=person, bio=bio, recent_posts=[{"text": "Up early"}])
    return person


def judge(*people: Person) -> int:
    """Rules, then the model, with everybody having waited long enough."""
    qualification.qualify([person.pk for person in people], by=None)
    OpenLead.objects.update(since=timezone.now() - timedelta(hours=7), held_until=None)
    return judging.run()


def last(person: Person) -> Decision:
    return Decision.objects.filter(person=person).latest("id")


def stage(person: Person) -> str:
    person.refresh_from_db()
    return person.stage


def test_what_rules_leave_open_is_judged_in_one_call_with_quoted_evidence(
    model: ScriptedModel, group: TargetGroup
) -> None:
    QualificationRule.objects.create(name="Shops", keywords=["shop"], verdict=Verdict.DISQUALIFIED, score=5)
    shop, fit, unfit = a_lead("coffee shop"), a_lead(), a_lead("Accountant and dad")
    assert judge(shop, fit, unfit) == 2
    assert len(model.bodies) == 1
    assert [stage(one) for one in (shop, fit, unfit)] == [
        Stage.DISQUALIFIED,
        Stage.QUALIFIED,
        Stage.DISQUALIFIED,
    ]
    decision = last(fit)
    assert (decision.judge, decision.model, decision.version) == (Judge.MODEL, "small", "1")
    assert (decision.evidence, decision.reason, decision.group) == ("Light roasts", "As the bio says.", group)
    call = LlmCall.objects.get()
    assert (decision.call, decision.tokens) == (call, (call.tokens_in + call.tokens_out) // 2)
    assert (last(shop).judge, last(shop).call) == (Judge.RULES, None)
    assert not OpenLead.objects.exists()


def test_a_prompt_holds_several_leads_the_instructions_once_and_no_key_of_ours(
    model: ScriptedModel, group: TargetGroup
) -> None:
    people = [a_lead(f"Light roasts at home, {n}") for n in range(10)]
    assert judge(*people) == 10
    assert [body["messages"][1]["content"].count('"lead":') for body in model.bodies] == [4, 4, 2]
    assert all('"lead":1,' in body["messages"][1]["content"] for body in model.bodies)


def test_a_batch_that_is_not_full_waits_a_while(model: ScriptedModel, group: TargetGroup) -> None:
    qualification.qualify([a_lead().pk], by=None)
    assert judging.run() == 0
    assert not model.bodies
    OpenLead.objects.update(since=timezone.now() - timedelta(minutes=11))
    assert judging.run() == 1


def test_the_same_words_are_not_judged_again_and_new_ones_are(
    model: ScriptedModel, group: TargetGroup
) -> None:
    person = a_lead()
    assert [judge(person), judge(person)] == [1, 0]
    person.profiles.update(bio="Sold the grinder. Accountant now.")
    assert judge(Person.objects.get(pk=person.pk)) == 1
    assert (stage(person), Decision.objects.count()) == (Stage.DISQUALIFIED, 2)


def test_who_says_nothing_of_themselves_is_not_asked_about(model: ScriptedModel, group: TargetGroup) -> None:
    person = make_person()
    make_profile("ann@example.org", network="email", person=person)
    assert judge(person) == 0
    assert not OpenLead.objects.exists()


@pytest.mark.parametrize("off", ["no endpoint", "no group", "switched off"])
def test_without_a_model_or_a_group_leads_stay_open_and_nothing_breaks(
    model: ScriptedModel, group: TargetGroup, off: str
) -> None:
    if off == "no endpoint":
        LlmSettings.objects.all().delete()
    elif off == "no group":
        TargetGroup.objects.update(active=False)
    else:
        configuration.change(judge_leads=False, by="test")
    person = a_lead()
    assert judge(person) == 0
    assert (stage(person), OpenLead.objects.count(), len(model.bodies)) == (Stage.NEW, 1, 0)


def test_a_quota_holds_the_rest_back_and_lets_them_go_the_next_day(
    model: ScriptedModel, group: TargetGroup
) -> None:
    TargetGroup.objects.update(daily_quota=2)
    people = [a_lead(f"Light roasts {n}") for n in range(4)]
    judge(*people)
    assert sorted(stage(person) for person in people) == [Stage.NEW] * 2 + [Stage.QUALIFIED] * 2
    assert Decision.objects.filter(held=True).count() == 2
    later = a_lead("Dark roasts 5")
    assert judge(later) == 0  # nothing is paid while nobody may become qualified
    TargetGroup.objects.update(taken_on=timezone.now().date() - timedelta(days=1))
    assert judging.run() == 0
    assert {stage(person) for person in people} == {Stage.QUALIFIED}
    assert len(model.bodies) == 1


def test_a_quota_counts_rules_too(group: TargetGroup) -> None:
    TargetGroup.objects.update(daily_quota=1)
    QualificationRule.objects.create(name="Coffee", keywords=["coffee"], group=group)
    first, second = a_lead("coffee"), a_lead("coffee!")
    qualification.qualify([first.pk, second.pk], by=None)
    assert [stage(first), stage(second)] == [Stage.QUALIFIED, Stage.NEW]
    assert last(second).held


def test_a_persons_word_stands_above_the_models(model: ScriptedModel, group: TargetGroup) -> None:
    grace, person = User.objects.create(username="grace"), a_lead()
    judge(person)
    made = qualification.label(last(person), right=False, by=grace)
    assert (made.judge, made.verdict, made.decided_by) == (Judge.PERSON, Verdict.DISQUALIFIED, grace)
    person.profiles.update(bio="Still light roasts")
    assert judge(person) == 0
    assert stage(person) == Stage.DISQUALIFIED


def test_a_judgement_that_left_a_lead_open_cannot_be_labelled() -> None:
    decision = Decision.objects.create(
        person=make_person(), verdict=Verdict.OPEN, reason="x", judge=Judge.MODEL
    )
    with pytest.raises(ValueError, match="left the lead open"):
        qualification.label(decision, right=True, by=None)


def test_somebody_judged_meanwhile_is_not_judged_over(model: ScriptedModel, group: TargetGroup) -> None:
    person = a_lead()
    qualification.qualify([person.pk], by=None)
    Person.objects.filter(pk=person.pk).update(stage=Stage.CONTACTED)
    OpenLead.objects.update(since=timezone.now() - timedelta(hours=1))
    assert judging.run() == 0
    assert (stage(person), OpenLead.objects.count()) == (Stage.CONTACTED, 0)


def spoilt(spoil: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Any:
    """Honest, but for what it says of the second of several."""

    def script(system: str, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        said = honest(system, leads)
        return said if len(said) < 2 else [said[0], *spoil(said[1]), *said[2:]]

    return script


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: [],
        lambda one: [one, {**one, "fit": False}],
        lambda one: [{**one, "evidence": "a passion for excellence"}],
        lambda one: [{**one, "evidence": ""}],
        lambda one: [{**one, "group": 7}],
        lambda one: [{**one, "lead": 77}],
    ],
    ids=["forgotten", "twice", "misquoted", "no evidence", "no such group", "no such lead"],
)
def test_only_what_cannot_be_used_is_asked_again(
    model: ScriptedModel, group: TargetGroup, spoil: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    model.script = spoilt(spoil)
    people = [a_lead(f"Light roasts {n}") for n in range(3)]
    assert judge(*people) == 2
    assert (OpenLead.objects.get().person_id, OpenLead.objects.get().tries) == (people[1].pk, 1)
    assert stage(people[1]) == Stage.NEW
    OpenLead.objects.update(held_until=None)
    assert judging.run() == 1
    assert {stage(person) for person in people} == {Stage.QUALIFIED}


def test_a_lead_no_answer_helps_is_left_to_a_person_with_the_reason(
    model: ScriptedModel, group: TargetGroup
) -> None:
    model.script = lambda system, leads: [{**one, "evidence": "made up"} for one in honest(system, leads)]
    person = a_lead()
    for n in range(waiting.MOST_TRIES):
        person.profiles.update(bio=f"Light roasts {n}")
        judge(person)
    decision = last(person)
    assert (decision.verdict, stage(person), OpenLead.objects.count()) == (Verdict.OPEN, Stage.NEW, 0)
    assert "not in the profile" in decision.reason


def test_a_cut_off_answer_is_asked_for_in_halves(llmock: LLMock, group: TargetGroup) -> None:
    set_up(llmock.base_url("openai"), judge_batch=4)
    llmock.add(Reply('{"judgements": [{"lead": 1, "fi', finish_reason="length"))
    one = '{"lead": %d, "fit": true, "group": 1, "evidence": "Light roasts", "reason": "Roasts."}'
    llmock.reply(f'{{"judgements": [{one % 1}, {one % 2}]}}', times=2)
    people = [a_lead(f"Light roasts {n}") for n in range(4)]
    assert judge(*people) == 4
    assert {stage(person) for person in people} == {Stage.QUALIFIED}
    assert list(LlmCall.objects.order_by("id").values_list("failure", flat=True)) == ["cut_off", "", ""]


def test_while_the_endpoint_is_down_leads_wait_and_lose_no_try(
    llmock: LLMock, group: TargetGroup, monkeypatch: Any
) -> None:
    monkeypatch.setattr("automation.asking.gateway.sleep", lambda seconds: None)
    set_up(llmock.base_url("openai"))
    llmock.fail(500, times=None)
    assert judge(a_lead()) == 0
    row = OpenLead.objects.get()
    assert row.tries == 0
    assert row.held_until is not None
    assert row.held_until > timezone.now() + timedelta(minutes=10)


def test_prompts_are_compared_on_the_same_labelled_leads(model: ScriptedModel, group: TargetGroup) -> None:
    people = [a_lead(f"Light roasts {n}") for n in range(3)] + [a_lead("Accountant and dad")]
    judge(*people)
    for person, right in zip(people, (True, True, False, True), strict=True):
        qualification.label(last(person), right=right, by=None)
    found = agreement.decided()
    assert [(one.judge, one.leads, one.agreed, one.let_in, one.kept_out) for one in found] == [
        ("model", 4, 3, 1, 0)
    ]
    before = list(Person.objects.order_by("pk").values())
    model.script = lambda system, leads: [
        {**one, "fit": False, "group": 0} if "Shops, brands" in system else one
        for one in honest(system, leads)
    ]
    assert trials.start(version="2", size="small", by=None) == 4
    assert trials.run(version="1", size="small") == trials.run(version="2", size="small") == 4
    first, second = agreement.tried()
    assert (first.version, first.leads, second.version, second.leads) == ("1", 4, "2", 4)
    assert (first.agreed, second.agreed, second.kept_out) == (3, 2, 2)
    assert list(Person.objects.order_by("pk").values()) == before
    with pytest.raises(ValueError, match="has judged all"):
        trials.start(version="2", size="small", by=None)
    assert PromptTrial.objects.count() == 8
