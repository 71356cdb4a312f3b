"""The pages of accounts and limits."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Allowance, Credential, Limit, WarmUp
from accounts.windows import window_at
from automation.models import (
    Task,
)
from monitoring.models import Event
from tests.admin.doing import act, told
from tests.factories import (
    make_account,
)
from tests.loopback_proxy import LoopbackProxy

pytestmark = pytest.mark.django_db
CANARY = "canary-7f31"


def test_account_is_created_with_its_secret_and_never_shows_it(administrator: Client) -> None:
    url = reverse("admin:accounts_account_add") + "?network=sandbox"
    data = {
        "handle": "@roast",
        "server": "https://s.example",
        "secret_token": CANARY,
        "role": "outreach",
        "time_zone": "UTC",
    }
    answer = administrator.post(url, {**data, "_continue": "1"}, follow=True)

    account = Account.objects.get()
    assert (account.handle, account.status) == ("roast", AccountStatus.PENDING)
    assert Credential.objects.get().secret == {"token": CANARY}
    assert CANARY not in answer.content.decode()
    assert not any(CANARY in str(event.data) for event in Event.objects.all())
    dialog = administrator.get(f"/admin/accounts/account/{account.pk}/credentials/")
    assert 'name="secret_token"' in dialog.content.decode()
    assert CANARY not in dialog.content.decode()


def test_account_add_asks_for_the_network_first(administrator: Client) -> None:
    assert "?network=sandbox" in administrator.get(reverse("admin:accounts_account_add")).content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"handle": "TAKEN"}, "There is already an account"),
        ({"server": "not an address/x"}, "is no address of a server"),
        ({"secret_token": ""}, "This field is required"),
    ],
)
def test_account_form_refuses_and_writes_nothing(
    administrator: Client, wrong: dict[str, str], words: str
) -> None:
    make_account(handle="taken", server="https://s.example")
    url = reverse("admin:accounts_account_add") + "?network=sandbox"
    good = {
        "handle": "new",
        "server": "https://s.example",
        "secret_token": CANARY,
        "role": "outreach",
        "time_zone": "UTC",
    }
    answer = administrator.post(url, {**good, **wrong})

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert CANARY not in answer.content.decode()
    assert Account.objects.count() == Credential.objects.count() == 1


def test_account_change_moves_the_zone_at_midnight(administrator: Client) -> None:
    account = make_account()
    data = {"handle": account.handle, "server": account.server, "role": "chat", "time_zone": "Europe/Berlin"}
    administrator.post(reverse("admin:accounts_account_change", args=[account.pk]), data)
    account.refresh_from_db()
    assert (account.role, account.time_zone, account.next_time_zone) == ("chat", "UTC", "Europe/Berlin")


def test_account_change_is_whole_or_nothing(administrator: Client) -> None:
    other, account = make_account(role="outreach"), make_account()
    data = {
        "handle": account.handle,
        "server": account.server,
        "role": "chat",
        "time_zone": "UTC",
        "chat_accounts": [other.pk],
    }
    answer = administrator.post(reverse("admin:accounts_account_change", args=[account.pk]), data)
    account.refresh_from_db()
    assert "is no chat account" in answer.content.decode()
    assert account.role == "outreach"


def test_account_page_marks_the_limit_that_counts(viewer: Client) -> None:
    account, now = make_account(), timezone.now()
    Limit.objects.create(network="sandbox", kind=ActionKind.DM, limit=30)
    Limit.objects.create(account=account, kind=ActionKind.DM, limit=20)
    WarmUp.objects.create(
        account=account, kind=ActionKind.DM, start=7, step=0, ceiling=50, started_on=now.date()
    )
    window = window_at(account, "day", now)
    Allowance.objects.create(
        owner=f"account:{account.pk}",
        kind="dm",
        window="day",
        window_key=window.key,
        closes_at=window.closes_at,
        limit=7,
        used=4,
    )
    page = viewer.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()

    rows = [row for row in page.split("<tr") if "Direct message" in row and "o-number" in row]
    assert [(">7<" in row, "o-wins" in row, ">4<" in row) for row in rows[:3]].count((True, True, True)) == 1
    assert sum("o-wins" in row for row in rows) == 1


def test_operator_may_pause_but_not_replace_credentials(operator: Client) -> None:
    account = make_account(secret={"token": "old"})
    act(operator, "accounts_account", account.pk, "pause", reason="Holiday")
    refused = act(operator, "accounts_account", account.pk, "credentials", secret_token="new")
    account.refresh_from_db()
    assert (account.status, account.status_reason) == (AccountStatus.PAUSED, "Holiday")
    assert refused.status_code == 403
    assert account.credential.secret == {"token": "old"}


def test_account_is_verified_again_by_a_task(operator: Client) -> None:
    account = make_account()
    act(operator, "accounts_account", account.pk, "verify")
    assert Task.objects.get().kind == ActionKind.VERIFY


def test_limit_below_zero_is_refused(administrator: Client) -> None:
    data = {"network": "sandbox", "kind": "dm", "window": "day", "limit": "-1"}
    answer = administrator.post(reverse("admin:accounts_limit_add"), data)
    assert "greater than or equal to 0" in answer.content.decode()
    assert not Limit.objects.exists()


def test_limit_for_nobody_is_refused(administrator: Client) -> None:
    answer = administrator.post(
        reverse("admin:accounts_limit_add"), {"kind": "dm", "window": "day", "limit": "3"}
    )
    assert answer.status_code == 200
    assert (
        "one account or for one network" in answer.content.decode()
        or "limit_is_for" in answer.content.decode()
    )
    assert not Limit.objects.exists()


def test_limit_is_set_and_told(administrator: Client) -> None:
    administrator.post(
        reverse("admin:accounts_limit_add"),
        {"network": "sandbox", "kind": "dm", "window": "day", "limit": "3"},
    )
    assert Limit.objects.get().limit == 3
    assert Event.objects.filter(name="account.limits_changed").count() == 1


def test_limit_keeps_a_part_for_urgent_acts(administrator: Client) -> None:
    given = {"network": "sandbox", "kind": "dm", "window": "day", "limit": "30", "reserve": "31"}
    answer = administrator.post(reverse("admin:accounts_limit_add"), given)
    assert "Keep 30 at most" in answer.content.decode()
    assert not Limit.objects.exists()
    administrator.post(reverse("admin:accounts_limit_add"), given | {"reserve": "10"})
    account = make_account()
    limit = Limit.objects.get()
    assert (limit.limit, limit.reserve) == (30, 10)
    page = administrator.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()
    assert "10 kept for urgent acts" in page


def test_account_gets_a_proxy_that_works_and_never_shows_its_password(administrator: Client) -> None:
    proxy = LoopbackProxy("http", "ada", CANARY).start()
    account = make_account(server=f"http://127.0.0.1:{proxy.port}")
    refused = told(act(administrator, "accounts_account", account.pk, "proxy", url="http://127.0.0.1:1"))
    assert "cannot be reached" in refused
    shown = told(act(administrator, "accounts_account", account.pk, "proxy", url=proxy.url))
    assert f"goes out through http://127.0.0.1:{proxy.port}, which works" in shown
    assert CANARY not in shown
    assert "leads to its network" in told(act(administrator, "accounts_account", account.pk, "test-proxy"))
    assert "goes out directly" in told(act(administrator, "accounts_account", account.pk, "proxy", url=""))
    proxy.stop()


def test_operator_may_not_set_a_proxy(operator: Client) -> None:
    account = make_account()
    url = reverse("admin:accounts_account_change", args=[account.pk]).replace("change/", "proxy/")
    assert operator.post(url, {"_form_submitted": "on", "url": ""}).status_code == 403
