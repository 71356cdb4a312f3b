"""Every page of every registered model, for every role."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from tests.admin.conftest import MAKERS, SCRIPT

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
SETTINGS = {"auth.User", "auth.Group", "accounts.ApiKey"}  # for administrators only
ADDED_BY_OPERATORS = {
    "leads.Person", "leads.Lead", "leads.Contact", "leads.Tag", "leads.Suppression", "leads.Import", "automation.Campaign",
    "leads.Segment", "leads.PersonList", "leads.Export",
    "automation.Post", "automation.Source", "automation.QualificationRule", "automation.TargetGroup",
    "automation.HandleCheck",
}  # fmt: skip
ADDED_BY_ADMINISTRATORS = (
    ADDED_BY_OPERATORS
    | SETTINGS
    | {
        "automation.OnboardingRun",
        "automation.DiscoveryPlan",
        "accounts.Account",
        "accounts.Limit",
        "accounts.WarmUp",
        "automation.LlmPrice",
        "automation.LlmSettings",
    }
)

EMPTY_AT_FIRST = [model for model in MODELS if model._meta.app_label != "auth"]

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
pytestmark = pytest.mark.django_db


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_registry_has_rows_for_every_model() -> None:
    assert set(MAKERS) == set(MODELS)


def test_registry_hides_the_queues_own_tables() -> None:
    assert not [model for model in MODELS if model._meta.app_label == "django_q"]


@every_model
def test_list_opens_to_those_who_may_see_it(
    model: type[Model], administrator: Client, operator: Client, viewer: Client, outsider: Client
) -> None:
    MAKERS[model]("")
    staff = 403 if model._meta.label in SETTINGS else 200

    assert administrator.get(url(model, "changelist")).status_code == 200
    assert operator.get(url(model, "changelist")).status_code == staff
    assert viewer.get(url(model, "changelist")).status_code == staff
    assert outsider.get(url(model, "changelist")).status_code == 302


@every_model
def test_page_opens_to_those_who_may_see_it(
    model: type[Model], administrator: Client, operator: Client, viewer: Client, outsider: Client
) -> None:
    page = url(model, "change", MAKERS[model]("").pk)
    staff = 403 if model._meta.label in SETTINGS else 200

    assert administrator.get(page).status_code == 200
    assert operator.get(page).status_code == staff
    assert viewer.get(page).status_code == staff
    assert outsider.get(page).status_code == 302


@every_model
def test_add_page_opens_to_those_who_may_add(
    model: type[Model], administrator: Client, operator: Client, viewer: Client, outsider: Client
) -> None:
    page, label = url(model, "add"), model._meta.label

    assert administrator.get(page).status_code == (200 if label in ADDED_BY_ADMINISTRATORS else 403)
    assert operator.get(page).status_code == (200 if label in ADDED_BY_OPERATORS else 403)
    assert viewer.get(page).status_code == 403
    assert outsider.get(page).status_code == 302


@every_model
def test_viewer_changes_nothing(model: type[Model], viewer: Client) -> None:
    row = MAKERS[model]("")
    assert viewer.post(url(model, "change", row.pk), {"name": "other"}).status_code == 403
    assert viewer.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@every_model
def test_list_costs_as_many_queries_for_thirty_rows_as_for_three(
    model: type[Model], administrator: Client
) -> None:
    for _ in range(3):
        MAKERS[model]("")
    administrator.get(url(model, "changelist"))  # content types and the like are cached from here on
    few = queries_of(administrator, url(model, "changelist"))
    for _ in range(27):
        MAKERS[model]("")
    many = queries_of(administrator, url(model, "changelist"))

    assert many == few
    assert many < 15


@every_model
def test_list_searches(model: type[Model], administrator: Client) -> None:
    MAKERS[model]("")
    assert admin.site._registry[model].search_help_text
    for words in ("a b", "17", "x@example.org", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "%' \x00 --"):
        answer = administrator.get(url(model, "changelist"), {"q": words})
        assert answer.status_code == 200, words


@every_model
def test_list_filters(model: type[Model], administrator: Client) -> None:
    MAKERS[model]("")
    page = administrator.get(url(model, "changelist"))
    for spec in page.context["cl"].filter_specs:
        names = spec.expected_parameters()
        for name in names[:1]:
            values = [value for value, _ in getattr(spec, "lookup_choices", [])][:30] or ["1"]
            for value in values:
                answer = administrator.get(url(model, "changelist"), {name: value})
                assert answer.status_code in (200, 302), (name, value)


@pytest.mark.parametrize("model", EMPTY_AT_FIRST, ids=lambda model: model._meta.label)
def test_empty_list_says_what_to_do(model: type[Model], administrator: Client) -> None:
    hint = admin.site._registry[model].empty_hint
    assert hint
    assert escape(hint) in administrator.get(url(model, "changelist")).content.decode()


@every_model
def test_script_in_any_field_is_escaped_everywhere(model: type[Model], administrator: Client) -> None:
    row = MAKERS[model](SCRIPT)
    for page in (url(model, "changelist"), url(model, "change", row.pk)):
        text = administrator.get(page).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)
