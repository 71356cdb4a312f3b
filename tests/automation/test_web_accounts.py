"""Accounts of websites on their lanes: acts with proofs, sessions as rows, and "needs a login" said once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.enums import AccountStatus
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.enums import TaskState
from automation.models import BrowserSession, Proof, Task
from leads.models import Profile
from monitoring.models import Alert
from outreach.lib import events
from tests.automation.browser import conftest as browsing
from tests.automation.browser.serving import Serving
from tests.automation.conftest import add_dm, refreshed, run_lanes
from tests.channels.web.operator import Operator
from tests.factories import make_profile

pytestmark = pytest.mark.django_db(transaction=True)
server, served, no_worker_left = browsing.server, browsing.served, browsing.no_worker_left


@pytest.fixture
def website(
    ours: Callable[..., Account], control: Control, served: Serving, engine: dict[str, Any]
) -> Account:
    """An account that works the network's pages with its password."""
    account = ours(network="web")
    account.credential.secret = {"password": password_of(control, account)}
    account.credential.save()
    return account


def password_of(control: Control, account: Account) -> str:
    return next(own.password for own in control.accounts() if own.handle == account.handle)


@pytest.fixture
def somebody_there(somebody: Callable[..., Profile]) -> Callable[[], Profile]:
    """Somebody on the network, known by their page."""
    return lambda: make_profile(somebody().handle, network="web")


def texts(control: Control, account: Account) -> list[str]:
    return [act.text for act in control.ledger() if act.account == account.handle]


def test_messages_go_out_once_with_a_picture_each(
    website: Account, control: Control, somebody_there: Callable[[], Profile]
) -> None:
    sent = [add_dm(website, somebody_there()) for _ in range(3)]
    run_lanes(within=40, at_most=120)
    assert [refreshed(task).state for task in sent] == [TaskState.COMPLETED] * 3
    assert sorted(texts(control, website)) == sorted(task.payload["text"] for task in sent)
    assert all(Proof.objects.of(task.send_id).count() == 1 for task in sent)
    assert BrowserSession.objects.get(account=website).state["cookies"]


def test_lost_answer_is_found_on_the_page_and_not_sent_again(
    website: Account, control: Control, somebody_there: Callable[[], Profile]
) -> None:
    task = add_dm(website, somebody_there())
    control.fault("drop", kind="dm", count=1)
    run_lanes(within=40, at_most=120)
    task = refreshed(task)
    assert (task.state, task.attempt_count) == (TaskState.COMPLETED, 1)
    assert texts(control, website) == [task.payload["text"]]
    assert {proof.name for proof in Proof.objects.of(task.send_id)} >= {"trace.zip"}


def test_session_that_ended_is_told_once_and_work_goes_on_after_a_login(
    website: Account, control: Control, somebody_there: Callable[[], Profile], chromium_path: Path, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    add_dm(website, somebody_there())
    run_lanes(within=40, at_most=120)
    password = password_of(control, website)
    website.credential.secret = {"site": "sandbox"}  # from here on a person signs in
    website.credential.save()
    control.sign_out(website.handle)
    turns: list[str] = []
    events.subscribe("account.status_changed", lambda event: turns.append(event.data["status"]))
    waiting = [add_dm(website, somebody_there()) for _ in range(4)]
    run_lanes(within=40, at_most=120)
    website.refresh_from_db()
    assert (website.status, turns) == (AccountStatus.ERROR, ["error"])
    assert f"manage.py login {website.pk}" in website.status_reason
    assert Alert.objects.filter(key=f"account:{website.pk}").count() == 1
    assert {refreshed(task).state for task in waiting} == {TaskState.PENDING}
    assert len(texts(control, website)) == 1

    settings.CHROMIUM_PATH = str(chromium_path)  # headless or not, it opens what it calls a window
    with Operator(monkeypatch, website.handle, password):
        call_command("login", str(website.pk), "--window", "--minutes", "1")
    kept = BrowserSession.objects.get(account=website)
    assert (kept.acts, kept.state["cookies"][0]["name"]) == (0, "sandbox_session")
    assert kept.state["cookies"][0]["value"] not in as_stored(kept)
    run_lanes(within=5, at_most=120)
    website.refresh_from_db()
    assert website.status == AccountStatus.ACTIVE
    assert {refreshed(task).state for task in waiting} == {TaskState.COMPLETED}
    assert len(texts(control, website)) == 5


def as_stored(session: BrowserSession) -> str:
    """The session's whole row as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(s)::text FROM automation_browsersession AS s WHERE account_id = %s",
            [session.account_id],
        )
        return str(cursor.fetchone()[0])


def test_wrong_password_turns_the_account_away(
    website: Account, control: Control, somebody_there: Callable[[], Profile]
) -> None:
    website.credential.secret = {"password": "canary-5521"}
    website.credential.save()
    task = add_dm(website, somebody_there())
    run_lanes(within=40, at_most=120)
    website.refresh_from_db()
    assert website.status == AccountStatus.ERROR
    assert "wrong" in website.status_reason
    assert "canary" not in website.status_reason
    assert refreshed(task).state == TaskState.PENDING
    assert not texts(control, website)


# --- The command -----------------------------------------------------------------------------------------------------
def test_login_names_what_it_cannot_do(ours: Callable[..., Account]) -> None:
    account = ours()
    with pytest.raises(CommandError, match="There is no account"):
        call_command("login", "nobody-of-that-name")
    with pytest.raises(CommandError, match="with credentials"):
        call_command("login", account.handle)
    ours(network="web", handle=account.handle)
    with pytest.raises(CommandError, match="Several accounts"):
        call_command("login", f"@{account.handle}")


def test_login_that_nobody_finished_keeps_nothing(
    website: Account, monkeypatch: pytest.MonkeyPatch, chromium_path: object
) -> None:
    with pytest.raises(CommandError, match="Nobody signed in"):
        call_command("login", f"web:{website.handle}", "--page", "--minutes", "0.02")
    assert not BrowserSession.objects.filter(account=website).exists()
    assert not Task.objects.filter(lane_id=website.pk).exists()
