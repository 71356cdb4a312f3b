"""Workers that die or stop at the worst moments: nothing is sent twice, nothing is lost, counters are exact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import psutil
import pytest
from django.conf import settings
from django.db import connection

from accounts.enums import ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.channels.sandbox.control import Control
from automation.enums import AttemptState, TaskState
from automation.models import Attempt, Task
from leads.models import Profile
from tests.automation.conftest import add_dm, arrived, refreshed, run_lanes, used

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("impatient")]
Somebody = Callable[..., Profile]
Ours = Callable[..., Account]

DRAIN = """
import sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from automation.channels.sandbox.channel import SandboxChannel
from automation.engine import drain
SandboxChannel.proves, SandboxChannel.deadline, SandboxChannel.lag = sys.argv[2] == "proves", 0.5, 0.1
drain.drain()
"""


def worker(failpoints: str, *, proves: bool) -> subprocess.Popen[bytes]:
    """A process of its own that runs one drain on the test's database, with failpoints armed."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "OUTREACH_FAILPOINTS": failpoints}
    env |= {"LANE_LEASE_SECONDS": "1", "DRAIN_LINGER_SECONDS": "0.3", "LOG_LEVEL": "ERROR"}
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-c", DRAIN, name, "proves" if proves else "one by one"]
    return subprocess.Popen(command, env=env, cwd=settings.BASE_DIR)


def messages(ours: Ours, somebody: Somebody, number: int) -> tuple[Account, list[Task]]:
    account = ours()
    set_limit(account=account, kind=ActionKind.DM, limit=50, by="test")
    return account, [add_dm(account, somebody()) for _ in range(number)]


EDGES = [
    ("in_claim", True), ("after_claim", True), ("before_call", True), ("after_call", True), ("after_settle", True),
    ("after_reconcile", True), ("after_claim", False), ("before_start", False), ("before_call", False),
]  # fmt: skip


@pytest.mark.timeout(300)  # nine processes start and die one after the other
def test_a_worker_killed_at_any_edge_sends_nothing_twice_and_loses_nothing(
    ours: Ours, somebody: Somebody, control: Control
) -> None:
    sent: dict[Account, list[Task]] = {}
    for point, proves in EDGES:
        account, written = messages(ours, somebody, 3)
        sent[account] = written
        if point == "after_reconcile":
            control.fault("drop", kind="dm", account=account.handle, count=1)
        assert worker(f"{point}:kill:1", proves=proves).wait(120) == -signal.SIGKILL, point
    run_lanes(within=5.0, at_most=120)
    every = [task for tasks in sent.values() for task in tasks]
    assert {refreshed(task).state for task in every} == {TaskState.COMPLETED}
    assert Counter(act.send_id for act in arrived(control, *every)) == {
        str(task.send_id): 1 for task in every
    }
    assert [used(account) for account in sent] == [3] * len(EDGES)
    open_attempts = Attempt.objects.filter(
        state__in=(AttemptState.CLAIMED, AttemptState.STARTED, AttemptState.UNKNOWN)
    )
    assert not open_attempts.exists()


@pytest.mark.parametrize(
    ("point", "proves"), [("after_claim", True), ("before_call", True), ("before_call", False)]
)
def test_a_worker_that_slept_past_its_deadline_does_not_call(
    ours: Ours, somebody: Somebody, control: Control, point: str, proves: bool
) -> None:
    account, (task,) = messages(ours, somebody, 1)
    sleeper = worker(f"{point}:stop:1", proves=proves)
    try:
        wait_until_stopped(sleeper.pid)
        deadline = Attempt.objects.get(task=task).deadline
        run_lanes(within=5.0, at_most=120)
        assert refreshed(task).state == TaskState.COMPLETED
        (act,) = arrived(control, task)
        assert act.at > deadline
        sleeper.send_signal(signal.SIGCONT)
        assert sleeper.wait(120) == 0
    finally:
        sleeper.kill()
        sleeper.wait()
    assert len(arrived(control, task)) == 1
    assert used(account) == 1


def wait_until_stopped(pid: int) -> None:
    process, ends = psutil.Process(pid), time.monotonic() + 60
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < ends, "The worker never reached its failpoint."
        time.sleep(0.02)
