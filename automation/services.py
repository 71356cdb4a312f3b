"""What automation does for an account as a whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels.base import AccountInfo
from automation.conversations import inbox
from automation.engine import effects, lanes, tasks
from automation.engine.tasks import NewTask
from automation.enums import FINISHED_STATES, Priority, Reason, TaskState
from automation.models import Task
from outreach.lib import clock
from outreach.lib.actors import Actor

# The network said no to us. Everything else that keeps a verification from passing is an outage, and passes.
TURNED_AWAY = (Reason.CREDENTIALS, Reason.REFUSED, Reason.NOT_FOUND, Reason.UNSUPPORTED)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)  # doubled while a network does not answer
# How long after it was turned away an account that worked before asks again: networks refuse everybody now and then.
# Few times, since a network may lock an account that knocks too often.
KNOCKS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))


def verify_account(*, account: Account, by: Actor) -> Task:
    """Ask the network who we are, as a task on the account's own lane; one at a time, and now."""
    open_tasks = Task.objects.filter(
        lane_id=account.pk, kind=ActionKind.VERIFY, state__in=(TaskState.PENDING, TaskState.RUNNING)
    )
    lanes.open_lane(account)
    waiting = open_tasks.first()
    if waiting is None:
        return _ask(account, at=None, again=0)
    later = Task.objects.pending().filter(pk=waiting.pk, due_at__gt=Now())
    if later.update(due_at=Now(), reason=Reason.READY):
        lanes.wake_on_commit({account.pk: (clock.database_now(), waiting.priority)})
    return waiting


def _ask(account: Account, *, at: datetime | None, again: int) -> Task:
    """``again`` is how often the network did not answer before."""
    return tasks.add(
        NewTask(
            account_id=account.pk,
            kind=ActionKind.VERIFY,
            dedupe_key=f"verify:{account.pk}:{clock.database_now().timestamp():.6f}",
            priority=Priority.CRITICAL,
            due_at=at,
            payload={"again": again} if again else {},
        )
    )


@effects.on_completed(ActionKind.VERIFY)
def welcome(task: Task, result: AccountInfo) -> None:
    """The network knows us: the account may work, and its inbox is read from now on."""
    account = task.lane.account
    try:
        accounts.mark_verified(
            account,
            remote_id=result.remote_id,
            handle=result.handle,
            display_name=result.display_name,
            longest_post=result.longest_post,
            by="verification",
        )
    except ValidationError as error:
        accounts.mark_error(account, " ".join(error.messages), by="verification")
        return
    inbox.poll(account)


@effects.on_ended(ActionKind.VERIFY)
def turn_away(task: Task) -> None:
    """The network does not let us in: the account is in error and says why.

    A network that did not answer says nothing about the account: one that works goes on, one that waits to be
    verified asks again, later and later.
    """
    account = task.lane.account
    if task.state != TaskState.FAILED:
        return
    if task.reason in TURNED_AWAY:
        accounts.mark_error(account, task.detail or task.get_reason_display(), by="verification")
    elif account.status == AccountStatus.PENDING:
        again = int(task.payload.get("again", 0)) + 1
        at = clock.database_now() + min(FIRST_WAIT * 2 ** (again - 1), LONGEST_WAIT)
        accounts.remark(account, f"Not reached: {task.detail} It is asked again at {at:%H:%M} UTC.")
        _ask(account, at=at, again=again)


def knock_again(*, at: datetime | None = None) -> int:
    """Verify accounts again that worked and were then turned away; a few times, in growing intervals. Says how many."""
    at = at or clock.database_now()
    asked = Q(
        lane__tasks__kind=ActionKind.VERIFY,
        lane__tasks__state__in=FINISHED_STATES,
        lane__tasks__finished_at__gt=F("status_changed_at"),
    )
    turned_away = Account.objects.filter(status=AccountStatus.ERROR).exclude(remote_id="")
    due = [
        account
        for account in turned_away.annotate(asked=Count("lane__tasks", filter=asked)).order_by("pk")
        if account.asked < len(KNOCKS) and account.status_changed_at + KNOCKS[account.asked] <= at
    ]
    for account in due:
        verify_account(account=account, by="verification")
    return len(due)
