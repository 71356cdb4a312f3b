"""Acts that were never called because something of ours was missing: nothing is used up, and the task says what it waits for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.enums import ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.channels.base import Act, Done, NotCalled
from automation.channels.sandbox.channel import SandboxChannel
from automation.channels.sandbox.control import Control
from automation.engine import lanes
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Hold, Lane, Task
from leads.models import Profile
from tests.automation.conftest import add_dm, arrived, refreshed, run_lanes, run_once, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("proves", [True, False])
def test_what_lacked_something_of_ours_waits_for_it_without_a_try_a_unit_or_a_gap(
    account: Account,
    somebody: Callable[..., Profile],
    control: Control,
    monkeypatch: pytest.MonkeyPatch,
    proves: bool,
) -> None:
    set_limit(account=account, kind=ActionKind.DM, limit=50, by="test")
    Account.objects.filter(pk=account.pk).update(sending_gap=60.0)
    task, other = add_dm(account, somebody()), add_dm(account, somebody(), kind=ActionKind.FOLLOW)

    def without(channel: SandboxChannel, act: Act) -> Done:
        raise NotCalled("All browser slots are taken.", retry_after=30.0)

    monkeypatch.setattr(SandboxChannel, "proves", proves)
    with monkeypatch.context() as patch:
        patch.setattr(SandboxChannel, "message", without)
        run_once(account.lane)
    waiting = refreshed(task)
    assert (waiting.state, waiting.failure_count) == (TaskState.PENDING, 0)
    attempt = task.attempts.get()
    assert (attempt.state, attempt.started_at) == (AttemptState.ABANDONED, None)
    assert used(account) == 0
    hold = Hold.objects.get(lane=account.pk)
    assert (hold.kind, hold.reason, hold.detail) == ("dm", Reason.BROWSER, "All browser slots are taken.")
    assert (Task.objects.with_waiting().get(pk=task.pk).hold_reason) == Reason.BROWSER
    assert not Lane.objects.filter(pk=account.pk, breaker_opened_at__isnull=False).exists()
    # Another kind of act upon people goes on: no gap has begun.
    run_lanes()
    assert refreshed(other).state == TaskState.COMPLETED
    assert arrived(control, task) == []
    Lane.objects.filter(pk=account.pk).update(people_until=None)
    lanes.lift([account.pk], reasons=[Reason.BROWSER])
    run_lanes()
    assert refreshed(task).state == TaskState.COMPLETED
    assert len(arrived(control, task)) == 1
