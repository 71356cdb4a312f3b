"""Tasks: what is to be done, why it waits, and a person's hand in it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.models import Account
from automation import services
from automation.api.schemas import DecideIn, PriorityIn, TaskDetailOut, TaskOut, TaskQuery
from automation.engine import outcomes, tasks
from automation.enums import Reason
from automation.models import Task
from outreach.lib import clock
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Tasks"])
READ = needs("tasks:read", "automation.view_task")
ACT = needs("tasks:act", "automation.change_task")


@router.get("/tasks", response=Page[TaskOut], summary="List tasks", **READ)
def list_tasks(request: HttpRequest, query: Query[TaskQuery]) -> Any:
    """Each with the reason that counts: its own, its lane's hold, or the account's gap and window."""
    found = page(
        _tasks().filter(**query.filters(account_id="lane_id")), cursor=query.cursor, limit=query.limit
    )
    at = clock.database_now()
    return {**found, "data": [TaskOut.of(task, at) for task in found["data"]]}


@router.get("/tasks/{int:task_id}", response=TaskDetailOut, summary="Show a task and its attempts", **READ)
def show_task(request: HttpRequest, task_id: int) -> Any:
    task = find(_tasks(), task_id)
    return TaskDetailOut.with_attempts(task, clock.database_now(), list(task.attempts.order_by("number")))


@router.post("/tasks/{int:task_id}/cancel", response=TaskOut, summary="Cancel", **ACT)
def cancel(request: HttpRequest, task_id: int) -> Any:
    """Only what has not started: a started act may have happened and is not recalled (409)."""
    task = find(Task.objects.all(), task_id)
    if not tasks.cancel([task.pk], reason=Reason.BY_HAND, by=caller(request)):
        raise ApiError(409, "It has started or ended already, so it cannot be cancelled.")
    return task_now(task.pk)


@router.post("/tasks/{int:task_id}/retry", response={202: TaskOut}, summary="Run again", **ACT)
def retry(request: HttpRequest, task_id: int) -> Any:
    """Only what failed or was cancelled. Consent and limits are checked anew."""
    task = find(Task.objects.all(), task_id)
    with refusals(409):
        tasks.retry(task, by=caller(request))
    return task_now(task.pk)


@router.post("/tasks/{int:task_id}/decide", response=TaskOut, summary="Settle an unclear outcome", **ACT)
def decide(request: HttpRequest, task_id: int, body: DecideIn) -> Any:
    task = find(Task.objects.all(), task_id)
    with refusals(409):
        outcomes.decide(task, took_place=body.took_place, by=caller(request))
    return task_now(task.pk)


@router.post("/tasks/{int:task_id}/prioritise", response=TaskOut, summary="Give another priority", **ACT)
def prioritise(request: HttpRequest, task_id: int, body: PriorityIn) -> Any:
    task = find(Task.objects.all(), task_id)
    tasks.reprioritise([task.pk], priority=body.priority, by=caller(request))
    return task_now(task.pk)


@router.post(
    "/accounts/{int:account_id}/verify", response={202: TaskOut}, summary="Ask the network who we are", tags=["Accounts"],
    **needs("accounts:act", "accounts.change_account"),
)  # fmt: skip
def verify_account(request: HttpRequest, account_id: int) -> Any:
    """Follow the task; asking again while one waits gives that one."""
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        task = services.verify_account(account=account, by=caller(request))
    return task_now(task.pk)


def task_now(task_id: int) -> TaskOut:
    """A task as it stands, with the reason that counts."""
    return TaskOut.of(_tasks().get(pk=task_id), clock.database_now())


def _tasks() -> QuerySet[Task]:
    return Task.objects.with_waiting().select_related("lane").defer("payload")
