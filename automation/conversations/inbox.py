"""Reading inboxes: one task after the other per account, each written when the one before it ended."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.channels.base import InboxPage
from automation.conversations import attention, labels, services
from automation.engine import effects, lanes, policy, tasks
from automation.engine.tasks import NewTask
from automation.enums import Priority, Reason, TaskState
from automation.models import InboxCursor, Task
from outreach.lib import clock


def poll(account: Account, *, after: float = 0.0) -> None:
    """Have the inbox read ``after`` seconds from now; one waiting read an account is enough."""
    if ActionKind.FETCH_INBOX not in registry.capabilities(account.network):
        return
    waiting = Task.objects.filter(
        lane_id=account.pk,
        kind=ActionKind.FETCH_INBOX,
        state__in=(TaskState.PENDING, TaskState.RUNNING, TaskState.UNKNOWN),
    )
    if waiting.exists():
        return
    _write(account.pk, after)


@transaction.atomic
def read_soon(account_id: int) -> bool:
    """Have the waiting read run now; false when none waits, since one is being done at this moment or the chain broke."""
    now = clock.database_now()
    waiting = Task.objects.filter(lane_id=account_id, kind=ActionKind.FETCH_INBOX, state=TaskState.PENDING)
    changed = waiting.filter(due_at__gt=now).update(due_at=now, reason=Reason.READY, detail="")
    if changed:
        lanes.wake_on_commit({account_id: (now, Priority.HIGH)})
    return bool(changed) or waiting.exists()


def _write(account_id: int, after: float) -> None:
    cursor, _ = InboxCursor.objects.get_or_create(account_id=account_id)
    due_at = clock.database_now() + timedelta(seconds=after)
    tasks.add(
        NewTask(
            account_id=account_id, kind=ActionKind.FETCH_INBOX, priority=Priority.HIGH, due_at=due_at,
            dedupe_key=f"inbox:{account_id}:{due_at.timestamp():.3f}", payload={"since": cursor.cursor},
        )
    )  # fmt: skip


@effects.on_completed(ActionKind.FETCH_INBOX)
def take_in(task: Task, result: InboxPage) -> None:
    """Messages and cursor are kept in one transaction, so nothing is read past and lost; then the next read is written."""
    account = task.lane.account
    services.receive(account, result.messages)
    if result.labels is not None:
        labels.take(account, result.labels)
    cursor, _ = InboxCursor.objects.update_or_create(
        account=account, defaults={"cursor": result.cursor, "polled_at": clock.database_now()}
    )
    if ActionKind.EMAIL in registry.capabilities(account.network):
        attention.want()
    pause = policy.seconds("inbox_interval") if cursor.interval is None else cursor.interval
    poll(
        account, after=0.0 if result.more else pause
    )  # a second chain of reads, if there ever is one, ends here


def poll_idle_inboxes() -> int:
    """Start reading again where the chain of reads was broken (a failed read, a new account); returns how many."""
    open_reads = Task.objects.filter(
        kind=ActionKind.FETCH_INBOX, state__in=(TaskState.PENDING, TaskState.RUNNING, TaskState.UNKNOWN)
    )
    idle = Account.objects.working().exclude(pk__in=open_reads.values("lane_id"))
    for account in idle:
        poll(account)
    return len(idle)
