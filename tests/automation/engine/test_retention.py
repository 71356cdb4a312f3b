"""What a purge deletes, and what it must keep."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Allowance
from automation.content import services as content
from automation.engine import retention
from automation.enums import Direction, TaskState
from automation.models import Attempt, Message, Publication, Task
from automation.services import verify_account
from tests.factories import make_account, make_conversation, make_lane, make_task

pytestmark = pytest.mark.django_db(transaction=True)


def finished(state: str, days: float) -> Task:
    at = timezone.now() - timedelta(days=days)
    task = make_task(make_lane(), state=state, finished_at=at, due_at=None)
    Attempt.objects.create(task=task, number=1, deadline=at, worker="gone", state="done")
    return task


def test_purge_deletes_only_what_is_older_than_kept() -> None:
    old = [
        finished(TaskState.COMPLETED, 8),
        finished(TaskState.FAILED, 31),
        finished(TaskState.CANCELLED, 31),
    ]
    kept = [
        finished(TaskState.COMPLETED, 6),
        finished(TaskState.FAILED, 29),
        finished(TaskState.CANCELLED, 8),
    ]
    kept += [make_task(), make_task(state=TaskState.UNKNOWN), make_task(state=TaskState.RUNNING)]
    assert retention.purge(dry_run=True) == 3
    assert Task.objects.count() == len(old) + len(kept)
    assert retention.purge() == 3
    assert set(Task.objects.values_list("pk", flat=True)) == {task.pk for task in kept}
    assert Attempt.objects.count() == 3
    assert retention.purge() == 0


def test_purge_keeps_what_was_said_and_published() -> None:
    conversation = make_conversation()
    said, shown = finished(TaskState.COMPLETED, 8), finished(TaskState.COMPLETED, 8)
    message = Message.objects.create(
        conversation=conversation, direction=Direction.OUT, task=said, text="Hello", sent_at=timezone.now()
    )
    post = content.create_post(text="A post", by=None)
    publication = Publication.objects.create(post=post, account=conversation.account, task=shown)
    retention.purge()
    connection.check_constraints()
    message.refresh_from_db()
    publication.refresh_from_db()
    assert (message.task, message.text, publication.task) == (None, "Hello", None)


def test_purge_deletes_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        finished(TaskState.COMPLETED, 8)
    assert retention.purge() == 5


def test_purge_deletes_counters_closed_long_ago() -> None:
    now = timezone.now()
    for days in (61, 59):
        Allowance.objects.create(
            owner="account:1", kind=ActionKind.DM, window="day", window_key=f"{days}", closes_at=now - timedelta(days=days),
            limit=5,
        )  # fmt: skip
    retention.purge()
    assert [row.window_key for row in Allowance.objects.all()] == ["59"]


def test_an_account_can_be_verified_again_after_a_purge_took_earlier_verifications() -> None:
    account = make_account()
    make_lane(account)
    first = verify_account(account=account, by="test")
    Task.objects.filter(pk=first.pk).update(
        state=TaskState.COMPLETED, finished_at=timezone.now() - timedelta(days=8)
    )
    second = verify_account(account=account, by="test")
    Task.objects.filter(pk=second.pk).update(
        state=TaskState.FAILED, finished_at=timezone.now() - timedelta(days=8)
    )
    retention.purge()
    third = verify_account(account=account, by="test")
    assert (third.pk not in (first.pk, second.pk), third.state) == (True, TaskState.PENDING)
    assert verify_account(account=account, by="test") == third
