"""Acts in general: a POST, with the right, that fits."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import AccountStatus
from automation.enums import (
    CampaignStatus,
)
from tests.admin.doing import act, bulk, told
from tests.factories import (
    make_account,
    make_campaign,
    make_person,
)

pytestmark = pytest.mark.django_db


def test_act_changes_nothing_by_get(administrator: Client) -> None:
    account = make_account()
    answer = administrator.get(f"/admin/accounts/account/{account.pk}/pause/")
    account.refresh_from_db()
    assert answer.status_code == 200
    assert account.status == AccountStatus.ACTIVE


def test_act_needs_its_permission(viewer: Client, outsider: Client) -> None:
    account = make_account()
    assert act(viewer, "accounts_account", account.pk, "pause").status_code == 403
    assert viewer.get(f"/admin/accounts/account/{account.pk}/pause/").status_code == 403
    act(outsider, "accounts_account", account.pk, "pause")
    account.refresh_from_db()
    assert account.status == AccountStatus.ACTIVE


def test_act_that_does_not_fit_is_refused_in_words(administrator: Client) -> None:
    campaign = make_campaign(status=CampaignStatus.RUNNING)
    answer = act(administrator, "automation_campaign", campaign.pk, "start")
    assert "not possible as" in told(answer)


def test_viewer_sees_no_buttons(viewer: Client, administrator: Client) -> None:
    page = reverse("admin:accounts_account_change", args=[make_account().pk])
    assert "/pause/" in administrator.get(page).content.decode()
    assert "/pause/" not in viewer.get(page).content.decode()


def test_bulk_act_needs_its_permission(viewer: Client) -> None:
    person = make_person()
    bulk(viewer, "leads_lead", "suppress_many", [person.pk], reason="opt_out")
    person.refresh_from_db()
    assert person.suppressed_at is None
