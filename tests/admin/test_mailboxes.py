"""What sending mail adds to an account's page."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.enums import ActionKind
from automation.channels.email import nameservers
from automation.conversations import deliverability
from automation.engine import lanes
from automation.enums import Reason
from tests.admin.doing import act
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db


def page(account: object) -> str:
    return reverse("admin:accounts_account_change", args=[account.pk])  # type: ignore[attr-defined]


def test_a_stopped_mailbox_says_so_and_is_let_go_on(administrator: Client) -> None:
    account = make_account(network="email", handle="ann@ours.test")
    lane = make_lane(account)
    lanes.hold(
        lane.pk,
        kind=ActionKind.EMAIL,
        reason=Reason.DELIVERABILITY,
        until=None,
        detail="9 of 60 mails came back.",
    )
    shown = administrator.get(page(account)).content.decode()
    assert "9 of 60 mails came back." in shown
    assert "Send e-mail again" in shown

    act(administrator, "accounts_account", account.pk, "send-again")
    assert not deliverability.is_stopped(account)
    assert "Stopped: too much" not in administrator.get(page(account)).content.decode()


def test_the_domains_records_are_shown_with_what_to_do(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(
        nameservers, "resolver_of", lambda: lambda name, kind: ["<script>x</script>"] if kind == "MX" else []
    )
    account = make_account(network="email", handle="ann@ours.test")
    make_lane(account)
    assert "Press “Check the domain”" in administrator.get(page(account)).content.decode()
    act(administrator, "accounts_account", account.pk, "check-domain")
    shown = administrator.get(page(account)).content.decode()
    assert "Add a TXT record at _dmarc.ours.test" in shown
    assert "<script>x" not in shown


def test_other_accounts_show_none_of_it(administrator: Client) -> None:
    account = make_account()
    make_lane(account)
    assert "Mail of the last week" not in administrator.get(page(account)).content.decode()


def test_viewers_may_not_act(viewer: Client) -> None:
    account = make_account(network="email", handle="ann@ours.test")
    lane = make_lane(account)
    lanes.hold(lane.pk, kind=ActionKind.EMAIL, reason=Reason.DELIVERABILITY, until=None)
    act(viewer, "accounts_account", account.pk, "send-again")
    assert deliverability.is_stopped(account)
