"""The pages of the frontier, its plans, and posts to reply to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind
from automation.discovery import budgets
from automation.enums import LookState, OpportunityState, Priority
from automation.models import DiscoveryPlan, FrontierEntry, Task
from leads.models import Person
from monitoring.models import Event
from tests.admin.doing import act, bulk, told
from tests.factories import make_account, make_lane, make_look, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:automation_frontierentry_changelist"


def test_frontier_says_why_each_waits(viewer: Client) -> None:
    plan = budgets.plan_of("sandbox")
    plan.daily_looks = 0
    budgets.save_plan(plan, by=None)
    make_look(due_at=timezone.now() + timedelta(hours=2))
    make_look(account=make_account(handle="resting", status=AccountStatus.PAUSED))
    make_look()
    make_look(state=LookState.FAILED, detail="It was not there", finished_at=timezone.now())
    text = viewer.get(reverse(LIST)).content.decode()
    for why in (
        "Waits for its time", "resting does not work at the moment", "0 looks on sandbox are used up", "It was not there"
    ):  # fmt: skip
        assert why in text.replace("Today&#x27;s ", "")


def test_list_of_people_is_put_on_the_frontier_and_read(operator: Client) -> None:
    account = make_lane().account
    data = {"_form_submitted": "on", "network": "sandbox", "kind": "search", "query": "#tea", "account": ""}
    operator.post(f"{reverse(LIST)}look-at/", data)
    entry = FrontierEntry.objects.get()
    assert (entry.query, entry.state, entry.account) == ("#tea", LookState.QUEUED, account)
    assert Task.objects.get().kind == ActionKind.FETCH_SEARCH


def test_what_waits_is_read_first_or_called_off(operator: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    first, off, both = (make_look(due_at=later) for _ in range(3))
    act(operator, "automation_frontierentry", first.pk, "hurry-one")
    act(operator, "automation_frontierentry", off.pk, "call-off-one")
    bulk(operator, "automation_frontierentry", "hurry", [both.pk])
    bulk(operator, "automation_frontierentry", "call_off", [both.pk])
    found = dict(FrontierEntry.objects.values_list("pk", "state"))
    assert found == {first.pk: LookState.WAITING, off.pk: LookState.DROPPED, both.pk: LookState.DROPPED}
    first.refresh_from_db()
    assert first.priority == Priority.HIGH
    assert Event.objects.filter(name__startswith="frontier.").count() == 4


def test_viewer_may_do_nothing_with_it(viewer: Client) -> None:
    entry, opportunity = make_look(), make_opportunity()
    assert act(viewer, "automation_frontierentry", entry.pk, "call-off-one").status_code == 403
    assert act(viewer, "automation_opportunity", opportunity.pk, "dismiss").status_code == 403
    assert FrontierEntry.objects.get().state == LookState.WAITING


def test_plan_is_changed_by_administrators_and_audited(administrator: Client, operator: Client) -> None:
    plan = budgets.plan_of("sandbox")
    page = reverse("admin:automation_discoveryplan_change", args=[plan.pk])
    data = {"daily_looks": "700", "refresh_days": "7", "opportunities_wanted": "250"}
    assert operator.post(page, data).status_code == 403
    DiscoveryPlan.objects.update(used=12)
    assert administrator.post(page, data).status_code == 302
    plan.refresh_from_db()
    assert (plan.network, plan.daily_looks, plan.opportunities_wanted, plan.used) == ("sandbox", 700, 250, 12)
    assert Event.objects.filter(name="discoveryplan.changed").exists()


def test_opportunity_is_replied_to_from_its_page(operator: Client) -> None:
    opportunity = make_opportunity("Which tea?")
    account = make_lane().account
    page = operator.get(reverse("admin:automation_opportunity_change", args=[opportunity.pk]))
    assert "Which tea?" in page.content.decode()
    answer = act(
        operator, "automation_opportunity", opportunity.pk, "reply", account=account.pk, text="Assam!"
    )
    assert "on its way" in told(answer)
    task = Task.objects.get()
    assert (task.kind, task.payload["text"], task.person_id) == (
        ActionKind.REPLY, "Assam!", opportunity.profile.person_id,
    )  # fmt: skip
    opportunity.refresh_from_db()
    assert opportunity.state == OpportunityState.TAKEN


def test_reply_that_is_refused_says_why(operator: Client) -> None:
    opportunity = make_opportunity()
    account = make_lane().account
    Person.objects.update(suppressed_at=timezone.now())
    answer = act(operator, "automation_opportunity", opportunity.pk, "reply", account=account.pk, text="Hi")
    assert "said no" in told(answer)
    assert not Task.objects.exists()


def test_opportunities_are_dismissed_from_page_and_list(operator: Client) -> None:
    rows = [make_opportunity() for _ in range(3)]
    act(operator, "automation_opportunity", rows[0].pk, "dismiss")
    bulk(operator, "automation_opportunity", "dismiss_many", [row.pk for row in rows])
    for row in rows:
        row.refresh_from_db()
    assert {row.state for row in rows} == {OpportunityState.DISMISSED}
