"""What a purge deletes, and what it must keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Allowance
from automation.content import services as content
from automation.engine import retention as engine_retention
from automation.enums import Direction, TaskState
from automation.models import Attempt, Message, Publication, Task
from automation.services import verify_account
from outreach.lib import retention
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
    assert retention.overdue().total == 3
    assert Task.objects.count() == len(old) + len(kept)
    assert retention.run().total == 3
    assert set(Task.objects.values_list("pk", flat=True)) == {task.pk for task in kept}
    assert Attempt.objects.count() == 3
    assert retention.run().total == 0


def test_purge_keeps_what_was_said_and_published() -> None:
    conversation = make_conversation()
    said, shown = finished(TaskState.COMPLETED, 8), finished(TaskState.COMPLETED, 8)
    message = Message.objects.create(
        conversation=conversation, direction=Direction.OUT, task=said, text="Hello", sent_at=timezone.now()
    )
    post = content.create_post(text="A post", by=None)
    publication = Publication.objects.create(post=post, account=conversation.account, task=shown)
    retention.run()
    connection.check_constraints()
    message.refresh_from_db()
    publication.refresh_from_db()
    assert (message.task, message.text, publication.task) == (None, "Hello", None)


def test_purge_deletes_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        finished(TaskState.COMPLETED, 8)
    assert retention.run().total == 5


def test_purge_deletes_counters_closed_long_ago() -> None:
    now = timezone.now()
    for days in (61, 59):
        Allowance.objects.create(
            owner="account:1", kind=ActionKind.DM, window="day", window_key=f"{days}", closes_at=now - timedelta(days=days),
            limit=5,
        )  # fmt: skip
    retention.run()
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
    retention.run()
    third = verify_account(account=account, by="test")
    assert (third.pk not in (first.pk, second.pk), third.state) == (True, TaskState.PENDING)
    assert verify_account(account=account, by="test") == third


def test_purge_finds_old_tasks_by_index_among_many_kept() -> None:
    """Read in the order of task_finished: what is kept is never looked at, and nothing is sorted."""
    lane = make_lane()
    now = timezone.now()
    Task.objects.bulk_create(
        Task(
            lane=lane, kind=ActionKind.DM, dedupe_key=f"kept-{number}", state=TaskState.COMPLETED, due_at=None,
            finished_at=now - timedelta(hours=number % 100),
        )
        for number in range(5000)
    )  # fmt: skip
    old = finished(TaskState.COMPLETED, 8)
    Publication.objects.create(
        post=content.create_post(text="A post", by=None), account=lane.account, task=old
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE automation_task, automation_attempt, automation_publication, automation_message"
        )
        before = now - engine_retention.KEEP[TaskState.COMPLETED]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {engine_retention.PURGE}", [TaskState.COMPLETED, before, 1000])
        (plan,) = cursor.fetchone()
    nodes = list(walk(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]))
    assert "task_finished" in {node.get("Index Name") for node in nodes}
    assert not [node for node in nodes if node["Node Type"] in ("Sort", "Incremental Sort")]
    read_whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert "automation_task" not in read_whole


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and everything below it."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)
