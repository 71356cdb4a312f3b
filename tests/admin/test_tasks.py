"""The ledger's pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from automation.enums import (
    Reason,
    TaskState,
)
from automation.models import (
    Task,
)
from tests.admin.conftest import a_task
from tests.admin.doing import act, bulk, told
from tests.factories import (
    make_lane,
    make_profile,
    make_task,
)

pytestmark = pytest.mark.django_db


def test_task_page_tells_its_attempts(viewer: Client) -> None:
    task = a_task("The network was away")
    page = viewer.get(reverse("admin:automation_task_change", args=[task.pk])).content.decode()
    assert "o-timeline" in page
    assert "after 1 s" in page
    assert "took 2 s" in page
    assert "worker:1" in page
    assert "The network was away" in page


def test_task_list_tells_the_reason_of_its_lane(viewer: Client) -> None:
    lane = make_lane()
    lane.holds.create(
        kind="dm", reason=Reason.LIMIT, detail="20 a day", until=timezone.now() + timezone.timedelta(hours=1)
    )
    make_task(lane, kind="dm")
    page = viewer.get(reverse("admin:automation_task_changelist")).content.decode()
    assert "A limit is reached" in page
    assert "20 a day" in page
    assert (
        "Task #"
        not in viewer.get(reverse("admin:automation_task_changelist") + "?why=retry").content.decode()
    )


def test_task_search_finds_by_send_id_key_number_and_handle(viewer: Client) -> None:
    task, other = make_task(profile=make_profile("needle"), dedupe_key="hay:1"), make_task()
    for words in (str(task.send_id), "hay:", str(task.pk), "needl"):
        rows = viewer.get(reverse("admin:automation_task_changelist"), {"q": words}).context["cl"].result_list
        assert task in rows, words
        assert other not in rows, words


def test_unclear_task_is_settled_by_a_person(operator: Client) -> None:
    took, did_not = (make_task(state=TaskState.UNKNOWN, due_at=None, reason=Reason.PARKED) for _ in range(2))
    act(operator, "automation_task", took.pk, "took-place")
    act(operator, "automation_task", did_not.pk, "did-not")
    took.refresh_from_db()
    did_not.refresh_from_db()
    assert (took.state, did_not.state) == (TaskState.COMPLETED, TaskState.FAILED)


def test_failed_task_runs_again_under_its_old_send_id(operator: Client) -> None:
    task = make_task(state=TaskState.FAILED)
    act(operator, "automation_task", task.pk, "retry")
    again = Task.objects.get()
    assert (again.state, again.send_id) == (TaskState.PENDING, task.send_id)


def test_tasks_are_cancelled_over_a_whole_filter(operator: Client) -> None:
    lane = make_lane()
    tasks = [make_task(lane) for _ in range(4)]
    done = make_task(lane, state=TaskState.COMPLETED)
    answer = bulk(operator, "automation_task", "cancel_many", [tasks[0].pk], select_across="1")
    assert "4 tasks cancelled" in told(answer)
    assert Task.objects.filter(state=TaskState.CANCELLED, reason=Reason.BY_HAND).count() == 4
    done.refresh_from_db()
    assert done.state == TaskState.COMPLETED


def test_task_priority_is_set(operator: Client) -> None:
    task = make_task()
    bulk(operator, "automation_task", "priority_many", [task.pk], priority="0")
    task.refresh_from_db()
    assert task.priority == 0
