"""The rows of a run, verified as tasks on the lanes of their accounts, a few at a time.

Verifying on lanes means that leases, breakers, rates and reconciling hold as for everything else, that a dead worker
costs nothing (its lease ends and the next one goes on), and that the row, the account, its secret and the task are
written in one transaction: there is no moment in which a row could be begun twice or forgotten. What ends makes room,
and the room is filled at once; should the process die just then, the next end or the clock fills it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from accounts import services as accounts
from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from accounts.services import checks
from automation import services as verification
from automation.channels.base import AccountInfo
from automation.engine import effects
from automation.enums import OPEN_ROWS, OnboardingState, RowState, TaskState
from automation.models import OnboardingRow, OnboardingRun, Task
from automation.onboarding.reading import PROXY
from outreach.lib import events

log = structlog.get_logger(__name__)
PATIENCE = (
    3  # times a network may fail to answer before the row is given up; the account goes on asking by itself
)


@transaction.atomic
def push_on(run_id: int) -> int:
    """Begin as many rows as there is room for; says how many. Ends the run when no row is open any more.

    Two at the same time wait for each other, so there are never more than ``at_once``.
    """
    run = OnboardingRun.objects.select_for_update().get(pk=run_id)
    if run.state != OnboardingState.RUNNING:
        return 0
    room = run.at_once - run.rows.filter(state=RowState.VERIFYING).count()
    begun = 0
    while room > 0 and (row := run.rows.filter(state=RowState.QUEUED).order_by("number").first()):
        begun += 1
        room -= _begin(run, row)
    if not run.rows.filter(state__in=OPEN_ROWS).exists():
        _finish(run)
    return begun


def push_all_on() -> int:
    """Push on every run that is not over; for the clock. Says how many rows it began."""
    running = OnboardingRun.objects.filter(state=OnboardingState.RUNNING).order_by("id")
    return sum(push_on(pk) for pk in list(running.values_list("pk", flat=True)))


def _begin(run: OnboardingRun, row: OnboardingRow) -> bool:
    """Give the row its account, which is verified; false when it ended right here."""
    try:
        with transaction.atomic():
            account = _account_of(run, row)
    except ValidationError as refusal:
        _end(row, RowState.FAILED, " ".join(refusal.messages))
        return False
    if account.remote_id:
        _end(
            row,
            RowState.KNOWN,
            f"It is connected already and is {account.get_status_display().lower()}.",
            account,
        )
        return False
    row.account, row.secret, row.state = account, None, RowState.VERIFYING
    row.save(update_fields=["account", "secret", "state"])
    return True


def _account_of(run: OnboardingRun, row: OnboardingRow) -> Account:
    """The row's account, with a verification under way unless its network knew it before."""
    by = run.created_by or f"onboarding {run.pk}"
    secret = dict(row.secret or {})
    proxy = str(secret.pop(PROXY, ""))
    home = checks.home_of(checks.known_network(row.network), row.handle, row.server)
    known = Account.objects.filter(network=row.network, handle__iexact=row.handle, home=home).first()
    if known is None:
        own: dict[str, Any] = dict(row.fields)
        return accounts.create_account(
            network=row.network, handle=row.handle, server=row.server, secret=secret, proxy=proxy, by=by,
            owner=run.created_by, **own,
        )  # fmt: skip
    if known.remote_id:
        return known
    accounts.update_account(account=known, server=row.server, by=by)
    accounts.set_credentials(account=known, secret=secret, by=by)
    if proxy:
        accounts.set_proxy(account=known, url=proxy, by=by)
    if known.status in (AccountStatus.PAUSED, AccountStatus.DISABLED):
        accounts.resume(account=known, by=by)
    verification.verify_account(account=known, by=by)
    return known


@effects.on_completed(ActionKind.VERIFY)
def connected(task: Task, result: AccountInfo) -> None:
    """The network knows the account, and ``services.welcome`` has let it in, or found it to be somebody else's."""
    account = Account.objects.get(pk=task.lane_id)
    if account.status == AccountStatus.ERROR:
        _end_rows(account, RowState.FAILED, account.status_reason)
        return
    rows = _end_rows(account, RowState.CONNECTED, "")
    for row in rows:
        if row.handle.casefold() != account.handle.casefold():
            OnboardingRow.objects.filter(pk=row.pk).update(
                message=f'Its network calls it "{account.handle}".'
            )


@effects.on_ended(ActionKind.VERIFY)
def not_connected(task: Task) -> None:
    """The network said no, which is the row's result; or did not answer, which it may yet."""
    if task.state not in (TaskState.FAILED, TaskState.CANCELLED):
        return
    account = task.lane.account
    why = task.detail or task.get_reason_display()
    refused = task.reason in verification.TURNED_AWAY or task.state == TaskState.CANCELLED
    if refused or int(task.payload.get("again", 0)) >= PATIENCE:
        later = "" if refused else " It goes on asking and connects when it answers."
        _end_rows(account, RowState.FAILED, f"{why}{later}", still=(RowState.VERIFYING, RowState.WAITING))
        return
    open_rows = OnboardingRow.objects.filter(
        account=account, state__in=(RowState.VERIFYING, RowState.WAITING)
    )
    runs = set(open_rows.values_list("run_id", flat=True))
    open_rows.update(state=RowState.WAITING, message=f"Not reached yet: {why}"[:500])
    _go_on(runs)


def _end_rows(
    account: Account, state: RowState, message: str,
    still: tuple[RowState, ...] = (RowState.VERIFYING, RowState.WAITING, RowState.FAILED),
) -> list[OnboardingRow]:  # fmt: skip
    """End the account's rows. One that failed is mended by a later success."""
    rows = list(OnboardingRow.objects.filter(account=account, state__in=still))
    OnboardingRow.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=state, message=message[:500], finished_at=Now()
    )
    _go_on({row.run_id for row in rows})
    return rows


def _end(row: OnboardingRow, state: RowState, message: str, account: Account | None = None) -> None:
    OnboardingRow.objects.filter(pk=row.pk).update(
        state=state, message=message[:500], account=account, secret=None, finished_at=Now()
    )


def _go_on(run_ids: set[int]) -> None:
    """Fill the room once the result is safe; robust, since a row that cannot be begun must not undo it."""
    for run_id in sorted(run_ids):
        transaction.on_commit(partial(push_on, run_id), robust=True)


def _finish(run: OnboardingRun) -> None:
    OnboardingRun.objects.filter(pk=run.pk).update(state=OnboardingState.COMPLETED, finished_at=Now())
    counts = {state: run.rows.filter(state=state).count() for state in (RowState.CONNECTED, RowState.FAILED)}
    events.emit(
        "onboarding.completed", model="automation.onboardingrun", ids=[run.pk], by="onboarding",
        **{str(state): count for state, count in counts.items()},
    )  # fmt: skip
