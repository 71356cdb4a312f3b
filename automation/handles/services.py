"""Looking whether handles are free: one reading of a profile each, on the lane of an account of ours, within its limits."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from accounts.enums import ActionKind, Role
from accounts.models import Account
from automation.channels import registry
from automation.channels.base import ProfileInfo
from automation.engine import effects, tasks
from automation.engine.tasks import NewTask
from automation.enums import HandleState, Priority, Reason, TaskState
from automation.handles.variations import variations
from automation.models import HandleCheck, HandleResult, Task
from outreach.lib import events, networks
from outreach.lib.actors import Actor

NOBODY = "No account of ours on this network works, so nobody can look. Connect one."


def searchable() -> list[str]:
    """Networks whose profiles can be looked up by handle."""
    return [name for name in registry.load() if ActionKind.FETCH_PROFILE in networks.get(name).capabilities]


@transaction.atomic
def start(*, brand: str, networks: Sequence[str], by: Actor) -> HandleCheck:
    """Look in the background how ``brand``, the team's own name, could be called on these networks.

    Registers nothing anywhere. Raises :class:`ValidationError` for a name without letters, or a network whose profiles
    cannot be looked up. Emits ``handles.checked``.
    """
    brand = " ".join(brand.split())[:64]
    chosen = list(dict.fromkeys(networks))
    if not variations(brand):
        raise ValidationError({"brand": "Give the brand's name with at least two Latin letters or digits."})
    if unknown := sorted(set(chosen) - set(searchable())):
        raise ValidationError({"networks": f"Handles cannot be looked up on: {', '.join(unknown)}."})
    if not chosen:
        raise ValidationError({"networks": f"Choose a network. Possible: {', '.join(searchable())}."})
    check = HandleCheck.objects.create(brand=brand, created_by=by if isinstance(by, User) else None)
    for network in chosen:
        _look(check, network)
    events.emit("handles.checked", model="automation.handlecheck", ids=[check.pk], by=by, networks=chosen)
    return check


def _look(check: HandleCheck, network: str) -> None:
    handles = variations(check.brand, networks.get(network).handles)
    account = _looker(network)
    rows = HandleResult.objects.bulk_create(
        [HandleResult(check_run=check, network=network, handle=handle) for handle in handles]
    )
    if account is None:
        mine = HandleResult.objects.filter(pk__in=[row.pk for row in rows])
        mine.update(state=HandleState.UNCLEAR, detail=NOBODY, looked_at=Now())
        return
    for row in rows:
        row.task = tasks.add(
            NewTask(
                account_id=account.pk, kind=ActionKind.FETCH_PROFILE, dedupe_key=f"handle:{row.pk}",
                priority=Priority.NORMAL, payload={"handle": row.handle},
            )
        )  # fmt: skip
    HandleResult.objects.bulk_update(rows, ["task"])


def _looker(network: str) -> Account | None:
    """A working account to look with; those that discover first."""
    working = Account.objects.working().filter(network=network, lane__isnull=False).order_by("pk")
    return working.filter(role=Role.DISCOVER).first() or working.first()


@effects.on_completed(ActionKind.FETCH_PROFILE)
def taken(task: Task, result: ProfileInfo) -> None:
    """Somebody has the handle."""
    if task.profile_id is None:
        who = f"{result.display_name} ({result.handle})" if result.display_name else result.handle
        _settle(task, HandleState.TAKEN, f"Taken by {who}", url=result.url)


@effects.on_ended(ActionKind.FETCH_PROFILE)
def not_seen(task: Task) -> None:
    """Nobody has it, as far as the network tells; or the network did not tell."""
    if task.profile_id is not None or task.state not in (TaskState.FAILED, TaskState.CANCELLED):
        return
    if task.reason == Reason.NOT_FOUND:
        _settle(task, HandleState.FREE, "")
    else:
        _settle(task, HandleState.UNCLEAR, task.detail or task.get_reason_display())


def _settle(task: Task, state: HandleState, detail: str, *, url: str = "") -> None:
    HandleResult.objects.filter(task=task).update(
        state=state, detail=detail[:500], url=url[:500], looked_at=Now()
    )
