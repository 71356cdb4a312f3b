"""Follow-ups of outcomes that break, and the record of the acts they follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.engine import effects, tasks
from automation.enums import Reason, TaskState
from automation.models import Task
from leads.models import Profile, Tag
from tests.automation.conftest import add_dm, arrived, refreshed, run_lanes

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Task, Any], None]], None]:
    """Replaces what follows a message."""

    def replace(handler: Callable[[Task, Any], None]) -> None:
        monkeypatch.setitem(effects._completed, ActionKind.DM, [handler])

    return replace


def test_a_broken_follow_up_is_undone_alone_and_shown_on_its_task(
    account: Account, somebody: Somebody, control: Control, handlers: Any
) -> None:
    sent = [add_dm(account, somebody()) for _ in range(3)]

    def follow_up(task: Task, result: Any) -> None:
        Tag.objects.create(name=f"task {task.pk}")
        if task.pk == sent[1].pk:
            raise LookupError("nothing there")

    handlers(follow_up)
    run_lanes()
    assert {refreshed(task).state for task in sent} == {TaskState.COMPLETED}
    assert len(arrived(control, *sent)) == 3
    assert set(Tag.objects.values_list("name", flat=True)) == {f"task {sent[0].pk}", f"task {sent[2].pk}"}
    assert [refreshed(task).detail for task in sent] == [
        "",
        "Follow-up failed: LookupError: nothing there",
        "",
    ]


def test_a_follow_up_that_lost_a_deadlock_is_tried_again_with_its_outcome(
    account: Account, somebody: Somebody, control: Control, handlers: Any
) -> None:
    tries: list[int] = []

    def follow_up(task: Task, result: Any) -> None:
        tries.append(task.pk)
        Tag.objects.create(name=f"task {task.pk}")
        if len(tries) < 3:
            raise OperationalError("deadlock detected")

    handlers(follow_up)
    task = add_dm(account, somebody())
    run_lanes()
    assert tries == [task.pk] * 3
    assert (refreshed(task).state, Tag.objects.count()) == (TaskState.COMPLETED, 1)
    assert len(arrived(control, task)) == 1


def test_who_follows_a_task_hears_that_it_was_cancelled(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, str, str]] = []
    monkeypatch.setitem(
        effects._ended, ActionKind.DM, [lambda task: heard.append((task.pk, task.state, task.reason))]
    )
    task = add_dm(account, somebody())
    tasks.cancel([task.pk], reason=Reason.BY_HAND, by="test")
    tasks.cancel([task.pk], reason=Reason.BY_HAND, by="test")
    assert heard == [(task.pk, TaskState.CANCELLED, Reason.BY_HAND)]
