"""What a provider tells of mail it sent for us, and what follows from it, once however often it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import structlog
from django.core.cache import cache
from django.db import transaction

from accounts.enums import ActionKind
from automation.channels.base import Done
from automation.channels.email import NETWORK
from automation.channels.email.hooks import OPTED_OUT, Told
from automation.conversations import notices
from automation.engine import outcomes
from automation.enums import TaskState
from automation.models import Task
from leads import consent
from leads.addresses import normalise

log = structlog.get_logger(__name__)
BY = "mail provider"
SERVED_SECONDS = 2 * 86_400  # longer than a call may be old


def take(provider: str, told: Iterable[Told]) -> int:
    """Draw the consequences of each; returns how many changed something.

    Delivered: an unclear mail is proved. Bounces, complaints, delays: as when a mail system's report comes into the mailbox.
    Opted out by a link of the provider's: the person is never written to again. What is about no mail of ours is logged.
    """
    return sum(_take_new(provider, one) for one in told)


def _take_new(provider: str, told: Told) -> bool:
    """As :func:`_take`, unless its proof has served before."""
    key = f"hook:{provider}:{hashlib.sha256(told.proof.encode()).hexdigest()}"
    if told.proof and cache.get(key):
        log.info("hook_known", provider=provider, kind=told.kind)
        return False
    changed = _take(provider, told)
    if told.proof:  # only now: a call that failed here is made again
        cache.set(key, True, SERVED_SECONDS)
    return changed


@transaction.atomic
def _take(provider: str, told: Told) -> bool:
    task = _task_of(told)
    if task is None or task.profile is None:
        log.info("hook_left_out", provider=provider, kind=told.kind, message=told.message_id)
        return False
    proved = _prove(task, told)
    if told.kind == OPTED_OUT:
        done = consent.suppress_address(
            network=task.profile.network,
            handle=task.profile.handle,
            by=BY,
            detail=f"Unsubscribed at {provider.title()}",
        )
        return done.changed
    if told.notice is None:
        return proved
    return notices.keep(task, task.profile, told.notice, remote_id=told.event_id, subject="")


def _task_of(told: Told) -> Task | None:
    """The mail it is about: by our send id, else by the provider's name for it among the mails to this address."""
    mails = Task.objects.filter(kind=ActionKind.EMAIL).select_related(
        "profile__person", "lane__account", "campaign"
    )
    try:
        return mails.get(send_id=UUID(told.send_id))
    except (ValueError, Task.DoesNotExist):
        pass
    try:
        address = normalise(NETWORK.name, told.address)
    except ValueError:
        return None
    if not told.message_id:
        return None
    return mails.filter(
        profile__network=NETWORK.name, profile__handle=address, remote_id=told.message_id
    ).first()


def _prove(task: Task, told: Told) -> bool:
    """Whatever became of the mail, the provider took it: an unclear act took place."""
    locked = Task.objects.select_for_update().filter(pk=task.pk, state=TaskState.UNKNOWN).first()
    if locked is None:
        return False
    outcomes.confirm(locked, Done(told.message_id), detail="The provider tells of it")
    return True
