"""What automation does for an account as a whole."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from accounts import services as accounts
from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import AccountInfo
from automation.conversations import inbox
from automation.engine import effects, lanes, tasks
from automation.engine.tasks import NewTask
from automation.enums import Priority, TaskState
from automation.models import Task
from outreach.lib import clock
from outreach.lib.actors import Actor


def verify_account(*, account: Account, by: Actor) -> Task:
    """Ask the network who we are, as a task on the account's own lane; one at a time."""
    waiting = Task.objects.filter(
        lane_id=account.pk, kind=ActionKind.VERIFY, state__in=(TaskState.PENDING, TaskState.RUNNING)
    ).first()
    if waiting is not None:
        return waiting
    lanes.open_lane(account)
    return tasks.add(
        NewTask(
            account_id=account.pk,
            kind=ActionKind.VERIFY,
            dedupe_key=f"verify:{account.pk}:{clock.database_now().timestamp():.6f}",
            priority=Priority.CRITICAL,
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
            by="verification",
        )
    except ValidationError as error:
        accounts.mark_error(account, " ".join(error.messages), by="verification")
        return
    inbox.poll(account)


@effects.on_ended(ActionKind.VERIFY)
def turn_away(task: Task) -> None:
    """The network does not let us in: the account is in error and says why."""
    if task.state == TaskState.FAILED:
        accounts.mark_error(
            account=task.lane.account, reason=task.detail or task.get_reason_display(), by="verification"
        )
