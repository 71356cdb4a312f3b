"""The front page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from accounts import roles
from automation.enums import Reason, TaskState
from tests.admin.conftest import client_of
from tests.factories import make_account, make_campaign, make_lane, make_person, make_task

pytestmark = pytest.mark.django_db


def test_dashboard_of_an_empty_installation_says_what_to_do(administrator: Client) -> None:
    page = administrator.get("/admin/").content.decode()
    for step in (
        "/admin/accounts/account/add/",
        "/admin/leads/import/add/",
        "/admin/automation/campaign/add/",
    ):
        assert step in page


def test_dashboard_has_no_first_steps_once_they_are_done(administrator: Client) -> None:
    make_account()
    make_person()
    make_campaign()
    assert "First steps" not in administrator.get("/admin/").content.decode()


def test_dashboard_shows_what_waits_and_what_needs_a_person(viewer: Client) -> None:
    lane = make_lane()
    parked = make_task(lane, state=TaskState.UNKNOWN, due_at=None, reason=Reason.PARKED)
    make_task(lane, reason=Reason.RETRY)
    page = viewer.get("/admin/").content.decode()
    assert f"/admin/automation/task/{parked.pk}/change/" in page
    assert "Failed for now; tried again" in page


def test_dashboard_shows_no_figures_to_staff_without_a_role(db: None) -> None:
    client = client_of(User.objects.create_user("new", is_staff=True))
    answer = client.get("/admin/")
    assert answer.status_code == 200
    assert "oldest overdue" not in answer.content.decode()


def test_roles_are_made_once_and_restored_by_migrate(db: None) -> None:
    operators = Group.objects.get(name=roles.OPERATOR)
    before = set(operators.permissions.values_list("codename", flat=True))
    operators.permissions.clear()
    call_command("migrate", verbosity=0)
    assert Group.objects.filter(name__in=roles.NAMES).count() == 3
    assert set(operators.permissions.values_list("codename", flat=True)) == before


def test_roles_keep_secrets_limits_and_lifting_from_operators(db: None) -> None:
    operators = Group.objects.get(name=roles.OPERATOR).permissions.values_list(
        "content_type__app_label", "codename"
    )
    names = {f"{app}.{codename}" for app, codename in operators}
    assert "accounts.view_credential" not in names
    assert "accounts.view_apikey" not in names
    assert not [name for name in names if ".delete_" in name or name.startswith("auth.")]
    assert not [name for name in names if name.endswith(("_limit", "_warmup")) and ".view_" not in name]
    assert "leads.change_person" in names


def test_login_leads_to_the_dashboard(db: None) -> None:
    User.objects.create_user("ada", password="a long pass phrase", is_staff=True)
    answer = Client().post(
        "/admin/login/", {"username": "ada", "password": "a long pass phrase"}, follow=True
    )
    assert answer.redirect_chain == [("/admin/", 302)]
    assert answer.status_code == 200
