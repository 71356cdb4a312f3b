"""The pages of the language model, of judgements and of prompts compared."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from automation.asking import configuration, ledger
from automation.enums import Judge, Verdict
from automation.llm.base import Usage
from automation.models import Decision, LlmPrice, LlmSettings, TargetGroup
from monitoring.models import Event
from outreach.lib import queue
from tests.admin.doing import act, bulk, told
from tests.factories import make_llm_call, make_person

pytestmark = pytest.mark.django_db
CALLS = reverse("admin:automation_llmcall_changelist")
SETTINGS = {
    "url": "http://127.0.0.1:9/v1", "new_key": "sk-canary", "good_model": "", "small_model": "small",
    "answer_form": "json_schema",
    "length_name": "max_tokens", "budget": "12.50", "budget_window": "day", "calls_at_once": "5", "answer_seconds": "60",
    "cache_days": "30", "judge_leads": "on", "judge_batch": "20", "judge_version": "2",
}  # fmt: skip


@pytest.fixture
def price() -> LlmPrice:
    return LlmPrice.objects.create(model="small", input_price=1, output_price=2)


def test_the_model_is_set_up_changed_and_audited_without_showing_the_key(
    administrator: Client, price: LlmPrice
) -> None:
    administrator.post(reverse("admin:automation_llmsettings_add"), SETTINGS)
    held = LlmSettings.objects.get()
    assert (held.budget, held.budget_window, held.judge_version, held.key) == (
        Decimal("12.50"),
        "day",
        "2",
        "sk-canary",
    )
    page = reverse("admin:automation_llmsettings_change", args=[1])
    assert "sk-canary" not in administrator.get(page).content.decode()
    administrator.post(page, SETTINGS | {"new_key": "", "budget": "3"})
    held.refresh_from_db()
    assert (held.budget, held.key) == (Decimal(3), "sk-canary")
    administrator.post(page, SETTINGS | {"new_key": "", "budget": "3", "forget_key": "on"})
    assert LlmSettings.objects.get().key is None
    assert Event.objects.filter(name="llmsettings.changed", by__startswith="administrator").count() == 3


def test_a_refused_setting_is_told_and_changes_nothing(administrator: Client) -> None:
    answer = administrator.post(
        reverse("admin:automation_llmsettings_add"), SETTINGS | {"url": "http://10.0.0.1/v1"}
    )
    assert "private network" in told(answer)
    answer = administrator.post(reverse("admin:automation_llmsettings_add"), SETTINGS)
    assert "has no price yet" in told(answer)
    assert not LlmSettings.objects.filter(url__gt="").exists()


def test_spend_is_shown_by_purpose_day_and_hour_with_the_tier_and_why(
    viewer: Client, price: LlmPrice
) -> None:
    configuration.change(by="test", url="http://127.0.0.1:9/v1", small_model="small", budget=Decimal(1))
    ledger.LlmBudget.objects.create(window_key=f"{timezone.now():%Y-%m}", used=600_000)
    ledger.count("qualification", "small", "answered", Usage(1000, 100), 600_000)
    ledger.count("qualification", "small", "cached", Usage(), 0)
    ledger.count("qualification", "small", "refusal", Usage(), 0)
    page = told(viewer.get(CALLS))
    for words in (
        "Judging leads",
        "0.600",
        "Tight",
        "40% of the budget",
        "The model refused to answer",
        "1,100",
        "50 %",
    ):
        assert words in page


def test_a_budget_that_ran_out_says_who_spent_it(viewer: Client, price: LlmPrice) -> None:
    configuration.change(by="test", url="http://127.0.0.1:9/v1", small_model="small", budget=Decimal(1))
    ledger.LlmBudget.objects.create(window_key=f"{timezone.now():%Y-%m}", used=1_000_000)
    ledger.count("qualification", "small", "answered", Usage(1000, 100), 1_000_000)
    page = told(viewer.get(CALLS))
    assert "is used up; most went into Judging leads (1.00)" in page


def test_spend_costs_the_same_queries_for_many_hours(viewer: Client, price: LlmPrice) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            viewer.get(CALLS)
        return len(seen)

    viewer.get(CALLS)
    few = queries()
    for number in range(30):
        ledger.count(f"purpose {number}", "small", "answered", Usage(1, 1), 5)
        make_llm_call()
    assert queries() == few < 15


def test_a_call_shows_what_was_asked_and_is_asked_again_by_those_who_may(
    operator: Client, viewer: Client
) -> None:
    call = make_llm_call()
    page = operator.get(reverse("admin:automation_llmcall_change", args=[call.pk])).content.decode()
    assert "Judge leads." in page
    assert "Ask again" in page
    before = queue.backlog()
    assert act(viewer, "automation_llmcall", call.pk, "ask-again").status_code == 403
    assert queue.backlog() == before
    assert "being asked again" in told(act(operator, "automation_llmcall", call.pk, "ask-again"))
    assert queue.backlog() == before + 1


def test_judgements_are_labelled_one_by_one_and_many(operator: Client, viewer: Client) -> None:
    made = [
        Decision.objects.create(
            person=make_person(), verdict=Verdict.QUALIFIED, judge=Judge.MODEL, reason="Roasts", model="small"
        )
        for _ in range(3)
    ]
    assert act(viewer, "automation_decision", made[0].pk, "wrong").status_code == 403
    act(operator, "automation_decision", made[0].pk, "wrong")
    assert made[0].person.decisions.first().verdict == Verdict.DISQUALIFIED
    bulk(operator, "automation_decision", "call_right", [one.pk for one in made[1:]])
    assert [one.person.decisions.first().judge for one in made[1:]] == [Judge.PERSON] * 2
    page = told(operator.get(reverse("admin:automation_decision_changelist")))
    assert "67 %" in page


def test_a_prompt_is_tried_only_with_something_to_try_it_on(operator: Client, price: LlmPrice) -> None:
    url = reverse("admin:automation_prompttrial_changelist") + "try-one/"
    form = {"_form_submitted": "on", "version": "2", "size": "small"}
    assert "No model is set up" in told(operator.post(url, form, follow=True))
    configuration.change(by="test", url="http://127.0.0.1:9/v1", small_model="small")
    assert "no target group" in told(operator.post(url, form, follow=True))
    TargetGroup.objects.create(name="Coffee people", description="They roast.")
    assert "Label more leads" in told(operator.post(url, form, follow=True))
    Decision.objects.create(
        person=make_person(), verdict=Verdict.QUALIFIED, judge=Judge.PERSON, reason="Right"
    )
    assert "1 labelled lead" in told(operator.post(url, form, follow=True))
