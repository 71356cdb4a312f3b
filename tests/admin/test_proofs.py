"""What the browser saw, on the task's page: shown to those who may see it, and never run."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from automation.models import Proof, Task
from tests.admin.conftest import SCRIPT
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def make_proof(task: Task, name: str = "page.webp", mime: str = "image/webp", note: str = "") -> Proof:
    return Proof.objects.create(
        send_id=task.send_id, name=name, mime=mime, note=note, content=b"seen", size=4
    )


def address(task: Task, proof: Proof) -> str:
    return reverse("admin:automation_task_proof", args=[task.pk, proof.pk])


def page_of(client: Client, task: Task) -> str:
    return client.get(reverse("admin:automation_task_change", args=[task.pk])).content.decode()


def test_task_page_shows_its_pictures_and_what_they_say(viewer: Client) -> None:
    task, other = make_task(), make_task()
    proof, foreign = make_proof(task, note=SCRIPT), make_proof(other)
    page = page_of(viewer, task)
    assert address(task, proof) in page
    assert address(other, foreign) not in page
    assert SCRIPT not in page


def test_task_page_does_not_read_the_files(viewer: Client, django_assert_max_num_queries: object) -> None:
    task = make_task()
    make_proof(task)
    few = count_queries(viewer, task)
    for _ in range(5):
        make_proof(task)
    assert count_queries(viewer, task) == few


def count_queries(client: Client, task: Task) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        page_of(client, task)
    assert not [one for one in queries if '"automation_proof"."content"' in one["sql"]]
    return len(queries)


def test_picture_is_served_so_that_nothing_in_it_runs(viewer: Client) -> None:
    task = make_task()
    answer = viewer.get(address(task, make_proof(task)))
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"seen", "image/webp")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("inline;")
    assert "private" in answer["Cache-Control"]


def test_trace_is_a_download_for_operators_only(viewer: Client, operator: Client) -> None:
    task = make_task()
    proof = make_proof(task, "trace.zip", "application/zip")
    assert viewer.get(address(task, proof)).status_code == 403
    assert address(task, proof) not in page_of(viewer, task)
    assert operator.get(address(task, proof))["Content-Disposition"].startswith("attachment;")
    assert address(task, proof) in page_of(operator, task)


def test_proof_is_reached_through_its_own_task_only(viewer: Client) -> None:
    task, other = make_task(), make_task()
    assert viewer.get(address(other, make_proof(task))).status_code == 404


def test_proof_is_for_staff_with_the_right_to_see_tasks(client: Client, django_user_model: type) -> None:
    task = make_task()
    where = address(task, make_proof(task))
    assert client.get(where).status_code == 302
    client.force_login(django_user_model.objects.create_user("idle", is_staff=True))
    assert client.get(where).status_code == 403
