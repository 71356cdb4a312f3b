"""Rows of a list that name a proxy: tried before it is used, kept encrypted, and nothing goes around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from accounts import services as accounts
from accounts.enums import AccountStatus
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.channels.sandbox.process import SandboxProcess
from automation.enums import RowState
from automation.models import OnboardingRow
from automation.onboarding import reading, services
from tests.automation.conftest import run_lanes
from tests.loopback_proxy import LoopbackProxy

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-row-77"


@pytest.fixture
def proxy() -> Iterator[LoopbackProxy]:
    found = LoopbackProxy("socks5", "ada", CANARY).start()
    yield found
    found.stop()


def start(network: SandboxProcess, control: Control, url: str) -> OnboardingRow:
    own = control.accounts()[0]
    row = {
        "network": "sandbox",
        "handle": own.handle,
        "server": network.url,
        "token": own.token,
        "proxy": url,
    }
    run = services.start(name="x.csv", entries=reading.understood([(2, row, "")]), by="test")
    return run.rows.get()


def test_an_account_is_connected_through_its_rows_proxy(
    network: SandboxProcess, control: Control, proxy: LoopbackProxy
) -> None:
    row = start(network, control, proxy.url)
    run_lanes()
    row.refresh_from_db()
    assert (row.state, row.message) == (RowState.CONNECTED, "")
    account = Account.objects.get()
    assert (account.status, accounts.proxy_of(account)) == (AccountStatus.ACTIVE, proxy.url)
    assert "proxy" not in account.credential.secret
    assert len(proxy.targets) >= 2  # tried, then verified through


def test_a_proxy_that_does_not_work_fails_its_row_and_nothing_is_sent(
    network: SandboxProcess, control: Control, proxy: LoopbackProxy
) -> None:
    before = len(control.requests())
    row = start(network, control, proxy.url.replace(CANARY, "wrong"))
    run_lanes()
    row.refresh_from_db()
    assert row.state == RowState.FAILED
    assert "proxy" in row.message.lower()
    assert not Account.objects.exists()
    assert len(control.requests()) == before


def test_a_waiting_rows_proxy_is_encrypted(
    network: SandboxProcess, control: Control, proxy: LoopbackProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.onboarding.progress.push_on", lambda run_id: 0)
    row = start(network, control, proxy.url)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT secret::text, message, fields::text FROM automation_onboardingrow WHERE id = %s", [row.pk]
        )
        assert not [value for value in cursor.fetchone() if CANARY in value]
    assert row.secret is not None
    assert row.secret["proxy"] == proxy.url
