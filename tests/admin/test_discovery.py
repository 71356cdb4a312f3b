"""The pages of sources and rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import ActionKind
from automation.models import (
    QualificationRule,
    Source,
    Task,
)
from leads.models import Person
from monitoring.models import Event
from tests.admin.doing import act
from tests.factories import (
    make_lane,
)

pytestmark = pytest.mark.django_db


def test_source_is_added_run_and_stopped(operator: Client, django_capture_on_commit_callbacks: Any) -> None:
    account = make_lane().account
    data = {"kind": "search", "network": "sandbox", "query": "tea", "account": account.pk, "max_pages": "3"}
    operator.post(reverse("admin:automation_source_add"), data)
    source = Source.objects.get()
    assert not Task.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        act(operator, "automation_source", source.pk, "run")
    assert Task.objects.get().kind == ActionKind.FETCH_SEARCH
    act(operator, "automation_source", source.pk, "stop")
    source.refresh_from_db()
    assert not source.active


def test_handles_are_queued_from_the_list(operator: Client) -> None:
    account = make_lane().account
    url = reverse("admin:automation_source_changelist") + "queue-handles/"
    operator.post(url, {"_form_submitted": "on", "account": account.pk, "handles": "mia\nnoah\n"})
    assert Person.objects.count() == 2


def test_rule_takes_words_with_commas(operator: Client) -> None:
    data = {
        "name": "Tea", "position": "1", "active": "on", "verdict": "qualified", "score": "70", "keywords": "tea, chai",
        "languages": "en",
    }  # fmt: skip
    operator.post(reverse("admin:automation_qualificationrule_add"), data)

    assert QualificationRule.objects.get().keywords == ["tea", "chai"]
    assert Event.objects.filter(name="qualificationrule.created").count() == 1
