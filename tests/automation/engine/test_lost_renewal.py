"""A refresh token works once: the answer with the next one is lost, and the account says so, once, until a person signs in."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Credential
from automation.channels.base import AccountInfo
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import Reason, TaskState
from automation.models import Task
from automation.onboarding import connecting
from automation.onboarding.connecting import Tried
from monitoring.models import Event
from tests.automation.conftest import run_lanes
from tests.channels.x.server import XServer
from tests.factories import make_account, make_lane, make_profile

pytestmark = pytest.mark.django_db(transaction=True)
TOKENS = "/2/oauth2/token"


@pytest.fixture
def server() -> Iterator[XServer]:
    found = XServer()
    yield found
    found.stop()


@pytest.fixture
def account(server: XServer, engine: dict[str, object]) -> Account:
    secret = {
        "access_token": "stale",
        "refresh_token": "ada-refresh",
        "client_id": "app",
        "expires_at": time.time(),
    }
    account = make_account(
        network="x", handle="ada", server=server.url, remote_id="1001", secret=secret, sending_gap=0.0
    )
    make_lane(account)
    return account


def write(account: Account, number: int) -> None:
    tasks.add(
        NewTask(
            account_id=account.pk, kind=ActionKind.DM, dedupe_key=f"dm-{number}", payload={"text": f"Hello {number}"},
            profile=make_profile(f"grace_{number}", network="x", remote_id="1002"),
        )
    )  # fmt: skip


def test_an_account_whose_refresh_token_is_lost_needs_a_login_and_says_so_once(
    server: XServer, account: Account
) -> None:
    server.fault(TOKENS, method="POST", count=1)  # the server renews, and nothing of its answer arrives
    for number in range(3):
        write(account, number)
    run_lanes()
    account.refresh_from_db()
    assert account.status == AccountStatus.ERROR
    assert "Connect the account again." in account.status_reason
    assert "may have been lost on its way" in account.status_reason
    assert server.count("POST", TOKENS) == 2
    assert server.messages == []
    assert Event.objects.filter(name="account.status_changed", data__status="error").count() == 1

    write(account, 3)
    run_lanes()
    assert server.count("POST", TOKENS) == 2, "nobody asks again at once"

    server.tokens["fresh"] = "1001"
    fresh = {"access_token": "fresh", "refresh_token": "next", "client_id": "app"}
    connecting.adopt(account, Tried(AccountInfo("ada", "1001"), server.url, fresh), by="ann")
    run_lanes()
    assert len(server.messages) == 4
    assert not Task.objects.filter(kind=ActionKind.DM).exclude(state=TaskState.COMPLETED).exists()
    assert not Task.objects.filter(reason=Reason.EXHAUSTED).exists()


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (
            {"access_token": "new"},
            {"access_token": "new", "refresh_token": "ada-refresh", "client_id": "app"},
        ),
        (
            {"access_token": "new", "refresh_token": "its own"},
            {"access_token": "new", "refresh_token": "its own"},
        ),
        (
            {"access_token": "new", "client_id": "another app"},
            {"access_token": "new", "client_id": "another app"},
        ),
    ],
)
def test_new_credentials_keep_what_renews_them(
    account: Account, server: XServer, new: dict[str, str], kept: dict[str, str]
) -> None:
    connecting.adopt(account, Tried(AccountInfo("ada", "1001"), server.url, dict(new)), by="ann")
    assert Credential.objects.get(account=account).secret == kept
