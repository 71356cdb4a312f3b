"""Runs of accounts against the sandbox network."""

from __future__ import annotations

from collections import Counter

import pytest

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Credential
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import outcomes
from automation.enums import OnboardingState, Reason, RowState
from automation.models import OnboardingRow, OnboardingRun, Task
from automation.onboarding import progress, reading, reporting, services
from monitoring.models import Alert, Event
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-1234"


@pytest.fixture
def owned(control: Control) -> list[OwnAccount]:
    return control.accounts()[:12]


def entries(server: str, *accounts: OwnAccount, **changed: str) -> list[reading.Entry]:
    rows = [
        {"network": "sandbox", "handle": one.handle, "server": server, "token": one.token, **changed}
        for one in accounts
    ]
    return reading.understood((number, row, "") for number, row in enumerate(rows, start=2))


def start(given: list[reading.Entry], at_once: int = 3) -> OnboardingRun:
    return services.start(name="accounts.csv", entries=given, by="test", at_once=at_once)


def states(run: OnboardingRun) -> Counter[str]:
    return Counter(run.rows.values_list("state", flat=True))


def test_a_run_connects_good_rows_and_names_bad_ones(
    network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    good = entries(network.url, *owned[:6])
    bad = reading.Entry(20, "sandbox", "wrong", network.url, {}, {"token": CANARY})
    run = start([*good, bad, reading.Entry(21, problem="The handle is missing.")])
    run_lanes()

    run.refresh_from_db()
    assert (run.state, states(run)) == (OnboardingState.COMPLETED, {"connected": 6, "failed": 2})
    assert Account.objects.filter(status=AccountStatus.ACTIVE).count() == 6
    refused = run.rows.get(number=20)
    assert "token" in refused.message.lower()
    assert refused.account.status == AccountStatus.ERROR
    assert not Alert.objects.exists()
    told = Event.objects.get(name="onboarding.completed")
    assert told.data == {"connected": 6, "failed": 2}


def test_never_more_are_verified_at_once_than_asked_for(
    network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    run = start(entries(network.url, *owned[:8]))
    assert states(run) == {"verifying": 3, "queued": 5}
    assert Task.objects.filter(kind=ActionKind.VERIFY).count() == Account.objects.count() == 3
    progress.push_on(run.pk)
    assert states(run)["verifying"] == 3


def test_rows_keep_no_secret_once_they_began(network: SandboxProcess, owned: list[OwnAccount]) -> None:
    run = start(entries(network.url, *owned[:4]))
    assert [row.secret for row in run.rows.order_by("number")] == [
        None,
        None,
        None,
        {"token": owned[3].token},
    ]
    run_lanes()
    assert not OnboardingRow.objects.exclude(secret=None).exists()
    assert {str(event.data) for event in Event.objects.all() if owned[0].token in str(event.data)} == set()
    assert Credential.objects.count() == 4


def test_a_lost_nudge_is_found_by_the_clock(
    network: SandboxProcess, owned: list[OwnAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(progress, "push_on", lambda run_id: 0)  # the process died right after the commit
        run = start(entries(network.url, *owned[:4]))
    assert states(run) == {"queued": 4}
    assert progress.push_all_on() == 3
    run_lanes()
    assert states(run) == {"connected": 4}
    assert progress.push_all_on() == 0


def test_stopping_begins_no_more_and_going_on_ends_it(
    network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    run = start(entries(network.url, *owned[:5]))
    services.stop(run=run, by="ann")
    run_lanes()
    assert states(run) == {"connected": 3, "queued": 2}
    with pytest.raises(ValueError, match="Only a running"):
        services.stop(run=run, by="ann")
    services.go_on(run=run, by="ann")
    run_lanes()
    assert states(run) == {"connected": 5}
    assert OnboardingRun.objects.get().state == OnboardingState.COMPLETED


def test_the_same_list_again_makes_no_account_twice(network: SandboxProcess, owned: list[OwnAccount]) -> None:
    start(entries(network.url, *owned[:4]))
    run_lanes()
    again = start(entries(network.url, *owned[:5]))
    run_lanes()
    assert states(again) == {"known": 4, "connected": 1}
    assert Account.objects.count() == 5
    assert again.rows.first().message == "It is connected already and is active."


def test_a_mended_row_connects_the_account_that_failed(
    network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    first = start(entries(network.url, owned[0], token="not-the-token"))
    run_lanes()
    assert states(first) == {"failed": 1}
    second = start(entries(network.url, owned[0]))
    run_lanes()
    assert states(second) == {"connected": 1}
    assert states(first) == {"connected": 1}, "the first run, too, has it connected now"
    assert Account.objects.get().status == AccountStatus.ACTIVE


def test_two_tokens_of_one_account_are_one_account(network: SandboxProcess, owned: list[OwnAccount]) -> None:
    other = reading.Entry(9, "sandbox", "somebody-else", network.url, {}, {"token": owned[0].token})
    run = start([*entries(network.url, owned[0]), other], at_once=1)
    run_lanes()
    assert states(run) == {"connected": 1, "failed": 1}
    assert "There is already an account" in run.rows.get(number=9).message


def test_an_account_under_another_name_says_so(network: SandboxProcess, owned: list[OwnAccount]) -> None:
    run = start(entries(network.url, owned[0], handle="shop"))
    run_lanes()
    row = run.rows.get()
    assert (row.state, row.message) == ("connected", f'Its network calls it "{owned[0].handle}".')


def test_an_outage_lets_rows_wait_and_gives_up_after_a_while(
    network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    run = start(entries(network.url, *owned[:4]), at_once=1)
    row = run.rows.get(number=2)
    seen = []
    for _ in range(4):
        task = Task.objects.filter(lane_id=row.account_id, kind=ActionKind.VERIFY).latest("id")
        outcomes._fail([task.pk], Reason.EXHAUSTED, "No answer.")
        row.refresh_from_db()
        seen.append(row.state)
    assert seen == ["waiting", "waiting", "waiting", "failed"]
    assert row.message == "No answer. It goes on asking and connects when it answers."
    assert states(run)["verifying"] == 1, "its place was given to the next"

    accounts.mark_verified(row.account, remote_id="r")
    task = Task.objects.filter(lane_id=row.account_id, kind=ActionKind.VERIFY).latest("id")
    progress.connected(task, None)
    row.refresh_from_db()
    assert row.state == RowState.CONNECTED


def test_failed_rows_come_as_a_file_without_secrets_or_formulas(network: SandboxProcess) -> None:
    rows = [(2, {"network": "sandbox", "handle": "=cmd()", "server": "", "token": CANARY}, "")]
    run = start(reading.understood(rows))
    text = "".join(reporting.failed_rows(run))
    assert text.splitlines()[0] == "row,network,handle,server,role,niche,time_zone,reason"
    assert "'=cmd()" in text
    assert "Sandbox has many servers." in text
    assert CANARY not in text


def test_standings_are_one_query(
    django_assert_num_queries, network: SandboxProcess, owned: list[OwnAccount]
) -> None:
    runs = [start(entries(network.url, one)) for one in owned[:5]]
    with django_assert_num_queries(1):
        found = reporting.standings(runs)
    assert {(one.rows, one.verifying, one.percent) for one in found.values()} == {(1, 1, 0)}
