"""A sandbox network for the whole run, accounts of ours on it, and a way to run lanes in the test's own process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

from accounts.enums import ActionKind
from accounts.models import Account, Allowance
from automation.channels.sandbox.channel import SandboxChannel
from automation.channels.sandbox.control import Control, LedgerAct, SyntheticPerson
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import lanes, runner, tasks
from automation.engine.tasks import NewTask
from automation.models import Lane, Task
from leads.models import Profile
from tests.factories import make_account, make_lane, make_profile

NEVER = 100_000.0  # seconds; a reply delay that no test outlives


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Empty small tables by DELETE between tests: TRUNCATE makes new files for each of them, which takes a second."""

    def delete(self: DatabaseOperations, style: Any, tables: list[str], **_: Any) -> list[str]:
        return [f"DELETE FROM {self.quote_name(table)}" for table in tables]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", delete)
        yield


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder = tmp_path_factory.mktemp("network")
    with SandboxProcess(folder, people=600, accounts=400, reply_delay=NEVER) as process:
        yield process


@pytest.fixture
def control(network: SandboxProcess) -> Control:
    """The network's side door, with nothing broken and no requests counted yet."""
    control = network.control
    control.reset_faults()
    control.forget_requests()
    control.idempotency_keys(False)
    return control


@pytest.fixture
def engine(settings: Any) -> dict[str, Any]:
    """The engine's numbers, free to be changed by a test."""
    settings.ENGINE = {**settings.ENGINE, "retry_base_seconds": 0.01}
    return settings.ENGINE


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls give up after a second, and the network counts as settled a moment later."""
    monkeypatch.setattr(SandboxChannel, "deadline", 0.5)
    monkeypatch.setattr(SandboxChannel, "lag", 0.1)
    monkeypatch.setattr("automation.engine.claim.BATCH_SECONDS", 0.5)
    monkeypatch.setattr("automation.engine.runner.BATCH_SECONDS", 0.5)


_used = iter(range(1_000_000))
_own: list[Any] = []
_people: list[SyntheticPerson] = []


@pytest.fixture
def ours(network: SandboxProcess, control: Control) -> Callable[..., Account]:
    """Makes a working account of ours that the network knows and that keeps no gap; each call another one."""
    if not _own:
        _own.extend(control.accounts())

    def make(**fields: Any) -> Account:
        own = _own[next(_used) % len(_own)]
        values = {"handle": own.handle, "server": network.url, "remote_id": own.id, "sending_gap": 0.0}
        account = make_account(secret={"token": own.token}, **{**values, **fields})
        make_lane(account)
        return account

    return make


@pytest.fixture
def account(ours: Callable[..., Account]) -> Account:
    return ours()


@pytest.fixture
def lane(account: Account) -> Lane:
    return account.lane


_asked = iter(range(1_000_000))


@pytest.fixture
def somebody(control: Control) -> Callable[..., Profile]:
    """Makes the profile of somebody on the network who takes messages and answers none."""
    if not _people:
        _people.extend(one for one in control.people() if one.temper == "silent")

    def make(**fields: Any) -> Profile:
        person = _people[next(_asked) % len(_people)]
        return make_profile(person.handle, remote_id=person.id, **fields)

    return make


_keys = iter(range(1_000_000))


def add_dm(account: Account, profile: Profile, **fields: Any) -> Task:
    """A message waiting on the account's lane."""
    number = next(_keys)
    values = {"kind": ActionKind.DM, "dedupe_key": f"dm-{number}", "payload": {"text": f"Hello {number}"}}
    return tasks.add(NewTask(account_id=account.pk, profile=profile, **{**values, **fields}))


def run_lanes(*, within: float = 0.0, at_most: float = 20.0, owner: str = "test") -> int:
    """Run lanes in this process until none is due within ``within`` seconds; returns the attempts called."""
    called, ends = 0, time.monotonic() + at_most
    while (due := lanes.seconds_until_due()) is not None and due <= within:
        assert time.monotonic() < ends, "The lanes never come to rest."
        time.sleep(max(0.0, due))
        for lease in lanes.lease(owner=owner, places=8, per_network=8, busy={}):
            called += runner.run_lane(lease, go_on=lambda: True)
    return called


def lease(lane: Lane, owner: str = "test") -> lanes.Lease:
    """The lease of one lane, which must be due."""
    found = lanes.lease(owner=owner, places=50, per_network=50, busy={})
    return next(one for one in found if one.lane_id == lane.pk)


def run_once(lane: Lane) -> int:
    """One turn of one lane."""
    return runner.run_lane(lease(lane), go_on=lambda: True)


def arrived(control: Control, *sent: Task) -> list[LedgerAct]:
    """What the network took of these tasks."""
    ids = {str(task.send_id) for task in sent}
    return [act for act in control.ledger() if act.send_id in ids]


def used(account: Account, kind: str = ActionKind.DM) -> int:
    """Units used of the account's own counters of a kind."""
    rows = Allowance.objects.filter(owner=f"account:{account.pk}", kind=kind)
    return sum(rows.values_list("used", flat=True))


def refreshed(task: Task) -> Task:
    return Task.objects.with_waiting().select_related("lane").get(pk=task.pk)
