"""What mail systems report of our mail: kept in the thread, and its consequences drawn.

A bad address and a complaint end everything with that person. What is full, blocked or given up is kept as a fact; the
third time in a row the address counts as bad. A delay is only noted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models.functions import Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Inbound, Notice
from automation.conversations import deliverability, threads
from automation.engine import effects
from automation.enums import BOUNCES, Direction, MessageKind, NoticeKind, Reason, TaskState
from automation.models import Conversation, Message, Task
from leads import consent
from leads.addresses import normalise
from leads.enums import SuppressionReason
from leads.models import Profile
from leads.services.facts import MAX_TEXT, clean_text
from outreach.lib import clock, events

log = structlog.get_logger(__name__)
BY = "mail report"
REPORTED_WITHIN = timedelta(days=30)  # a report that names only an address is about mail of this time
IN_A_ROW = 3


def take(account: Account, item: Inbound) -> bool:
    """Keep one report and draw its consequences, once; false for one that is known, or about no mail of ours."""
    notice = item.notice
    task = threads.task_of(item.references) or _task_to(account, notice) if notice else None
    about = task.profile if task else None
    if notice is None or task is None or about is None or _is_about_a_copy(account, about, notice):
        log.info("report_left_out", account=account.pk, message=item.remote_id, subject=item.subject[:80])
        return False
    return keep(task, about, notice, remote_id=item.remote_id, subject=item.subject)


@effects.on_ended(ActionKind.EMAIL)
def refused_at_once(task: Task) -> None:
    """The mail server knows at once that there is no such address: the same as a report that comes later."""
    if task.state == TaskState.FAILED and task.reason == Reason.NOT_FOUND and task.profile is not None:
        notice = Notice(NoticeKind.HARD, task.profile.handle, "", task.detail)
        keep(task, task.profile, notice, remote_id=f"refused:{task.send_id}", subject="")


@transaction.atomic
def keep(task: Task, profile: Profile, notice: Notice, *, remote_id: str, subject: str) -> bool:
    """Put a report about a mail into its thread and draw the consequences; false for one that is known by its ``remote_id``."""
    now = clock.database_now()
    _, created = Message.objects.get_or_create(
        conversation=_thread_of(task, profile), remote_id=clean_text(remote_id, 255),
        defaults={
            "direction": Direction.IN, "kind": MessageKind.EMAIL, "notice": notice.kind, "automatic": True,
            "subject": clean_text(subject, 300), "text": _words(notice), "sent_at": now, "enrolment_id": task.enrolment_id,
        },
    )  # fmt: skip
    if created:
        events.emit("mail.reported", model="automation.task", ids=[task.pk], by=BY, kind=notice.kind)
        _draw_consequences(profile, notice)
        deliverability.judge(task)
    return created


def _thread_of(task: Task, profile: Profile) -> Conversation:
    sent = Message.objects.filter(task=task).select_related("conversation").first()
    if sent is not None:
        return sent.conversation
    found, _ = Conversation.objects.get_or_create(
        account_id=task.lane_id, profile=profile, defaults={"person_id": profile.person_id}
    )
    return found


def _task_to(account: Account, notice: Notice | None) -> Task | None:
    """The last mail this account sent to the address a report names, if that was lately."""
    try:
        address = normalise(account.network, notice.address if notice else "")
    except ValueError:
        return None
    since = clock.database_now() - REPORTED_WITHIN
    sent = Task.objects.filter(
        lane_id=account.pk, kind=ActionKind.EMAIL, state=TaskState.COMPLETED, finished_at__gte=since,
        profile__handle=address, profile__network=account.network,
    )  # fmt: skip
    return (
        sent.select_related("profile__person", "lane__account", "campaign").order_by("-finished_at").first()
    )


def _is_about_a_copy(account: Account, profile: Profile, notice: Notice) -> bool:
    """Whether a report is about a copy that the mail server files in the sender's own mailbox, and not about the recipient.

    Reports about somebody to whom the recipient's mail is forwarded name another address as well, and count.
    """
    local, _, domain = account.handle.casefold().rpartition("@")
    name, _, named = notice.address.casefold().rpartition("@")
    own = named == domain and name.partition("+")[0] == local
    return own and notice.address.casefold() != profile.handle.casefold()


def _words(notice: Notice) -> str:
    said = clean_text(" ".join(part for part in (notice.status, notice.detail) if part), MAX_TEXT)
    return f"{NoticeKind(notice.kind).label}. {said}".strip()


def _draw_consequences(profile: Profile, notice: Notice) -> None:
    if notice.kind == NoticeKind.COMPLAINT:
        _suppress(profile, SuppressionReason.COMPLAINT, notice)
    elif notice.kind in BOUNCES:
        facts: dict[str, Any] = {"bounce": _words(notice)[:255]}
        for_good = notice.kind == NoticeKind.HARD or _came_back_again(profile)
        if for_good:
            facts["bounced_at"] = Now()
        Profile.objects.filter(pk=profile.pk).update(**facts)
        if for_good:
            _suppress(profile, SuppressionReason.HARD_BOUNCE, notice)


def _suppress(profile: Profile, reason: str, notice: Notice) -> None:
    consent.suppress_address(
        network=profile.network, handle=profile.handle, reason=reason, by=BY, detail=_words(notice)
    )


def _came_back_again(profile: Profile) -> bool:
    """Whether the last reports and messages from this address are bounces and nothing else."""
    latest = Message.objects.filter(conversation__profile=profile, direction=Direction.IN).exclude(
        notice=NoticeKind.DELAYED
    )
    kinds = list(latest.order_by("-sent_at", "-id").values_list("notice", flat=True)[:IN_A_ROW])
    return len(kinds) == IN_A_ROW and set(kinds) <= set(BOUNCES)
