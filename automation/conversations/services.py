"""Conversations: what comes in, what goes out, who goes on talking."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import progress
from automation.channels.base import Done, Inbound
from automation.conversations import notices, threads
from automation.conversations.reading import Reading, read
from automation.engine import effects, tasks
from automation.enums import (
    OPEN_ENROLMENTS,
    Direction,
    EnrolmentState,
    Interest,
    MessageKind,
    Reason,
    TaskState,
)
from automation.models import Conversation, Enrolment, Message, Task
from leads import consent
from leads.addresses import normalise
from leads.enums import Stage, SuppressionReason
from leads.models import Profile
from leads.services import add_profile, set_stage
from leads.services.facts import MAX_TEXT, clean_text
from outreach.lib import clock, events
from outreach.lib.actors import Actor

log = structlog.get_logger(__name__)
KIND_OF = {
    ActionKind.DM: MessageKind.DM,
    ActionKind.REPLY: MessageKind.COMMENT,
    ActionKind.EMAIL: MessageKind.EMAIL,
}


def open_conversation(account: Account, profile: Profile) -> Conversation:
    """The thread between the account and the profile, made on first use."""
    conversation, _ = Conversation.objects.get_or_create(
        account=account, profile=profile, defaults={"person_id": profile.person_id}
    )
    return conversation


def receive(account: Account, inbound: Iterable[Inbound]) -> int:
    """Keep what came in, oldest first, each message once; returns how many were new.

    A no suppresses the person at once; a person's reply ends their enrolments that stop on reply; a machine's answer
    does neither. Messages of our own accounts are left out; one whose sender cannot be told is logged and left out too,
    so that it does not keep the others from us.
    """
    ours = {
        h.casefold() for h in Account.objects.filter(network=account.network).values_list("handle", flat=True)
    }
    received = 0
    for item in inbound:
        if item.notice is not None:
            received += notices.take(account, item)
            continue
        if item.handle.casefold() in ours:
            continue
        try:
            normalise(account.network, item.handle)
        except ValueError as error:
            log.warning("message_left_out", account=account.pk, message=item.remote_id, detail=str(error))
            continue
        received += _receive_one(account, item)
    return received


def _receive_one(account: Account, item: Inbound) -> bool:
    text = clean_text(item.text, MAX_TEXT)  # anybody may write to us, also what no column can hold
    conversation = threads.answered(item.references) or _thread_with_sender(account, item)
    if conversation is None:
        return False
    reading = read(text, automatic=item.automatic)
    message, created = Message.objects.get_or_create(
        conversation=conversation, remote_id=clean_text(item.remote_id, 255),
        defaults={
            "direction": Direction.IN, "kind": item.kind, "text": text, "automatic": reading.automatic,
            "sent_at": item.sent_at, "subject": clean_text(item.subject, 300),
            "enrolment": _enrolment_of(conversation),
        },
    )  # fmt: skip
    if created:
        _note_inbound(conversation, message, reading)
        _act_on(conversation, reading)
        if reading.opts_out:
            _honour_sender(account, item)
    return created


def _thread_with_sender(account: Account, item: Inbound) -> Conversation | None:
    """The thread with whoever wrote; none for a stranger's machine: newsletters and receipts are no conversation."""
    if item.automatic and item.kind == MessageKind.EMAIL:
        known = Profile.objects.filter(
            network=account.network, handle=normalise(account.network, item.handle)
        )
        if not known.exists():
            return None
    profile, _ = add_profile(
        network=account.network, handle=item.handle, found_by=account, found_via="wrote to us",
        remote_id=item.sender_id, display_name=item.sender_name,
    )  # fmt: skip
    return _thread_of(account, profile)


def _honour_sender(account: Account, item: Inbound) -> None:
    """Who says no from another address than the one we wrote to means both."""
    consent.suppress_address(
        network=account.network, handle=item.handle, by=None, detail="Said so in a message"
    )


def _thread_of(account: Account, profile: Profile) -> Conversation:
    """The account's own thread with the profile, or the one that was handed over to it."""
    handed = (
        Conversation.objects.filter(chat_account=account, profile=profile).order_by("-handed_over_at").first()
    )
    return handed or open_conversation(account, profile)


def _enrolment_of(conversation: Conversation) -> Enrolment | None:
    """The enrolment that moved them to write, also after a hand over, so that a campaign's replies can be counted."""
    sent = conversation.messages.filter(direction=Direction.OUT, enrolment__isnull=False)
    last = sent.order_by("-sent_at").select_related("enrolment").first()
    return last.enrolment if last else None


def _note_inbound(conversation: Conversation, message: Message, reading: Reading) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(
        unread=F("unread") + 1,
        last_message_at=Greatest(F("last_message_at"), message.sent_at),
        interest=conversation.interest if reading.automatic and conversation.interest else reading.interest,
    )
    events.emit(
        "conversation.received",
        model="automation.conversation",
        ids=[conversation.pk],
        automatic=reading.automatic,
    )


def _act_on(conversation: Conversation, reading: Reading) -> None:
    if reading.automatic:
        return
    if reading.opts_out:
        consent.suppress_person(
            person_id=conversation.person_id,
            reason=SuppressionReason.OPT_OUT,
            by=None,
            detail="Said so in a message",
        )
        return
    stop_on_reply(conversation.person_id)
    if conversation.person.stage in (Stage.NEW, Stage.QUALIFIED, Stage.CONTACTED):
        set_stage(conversation.person, Stage.REPLIED, reason="Wrote to us", by=None)
    if reading.interest == Interest.INTERESTED and conversation.chat_account_id is None:
        chat_account = conversation.account.chat_accounts.working().order_by("pk").first()
        if chat_account:
            hand_over(conversation=conversation, chat_account=chat_account, by=None)


def stop_on_reply(person_id: int) -> None:
    """End the person's enrolments that stop on reply, and cancel what they still had waiting."""
    enrolments = list(
        Enrolment.objects.filter(person_id=person_id, state__in=OPEN_ENROLMENTS, campaign__stop_on_reply=True)
        .values_list("pk", flat=True)
    )  # fmt: skip
    progress.close(enrolments, state=EnrolmentState.REPLIED)
    waiting = Task.objects.filter(
        enrolment_id__in=enrolments, state__in=(TaskState.PENDING, TaskState.RUNNING)
    )
    tasks.cancel(list(waiting.values_list("id", flat=True)), reason=Reason.REPLIED, by="stop on reply")


@effects.on_completed(ActionKind.DM, ActionKind.REPLY, ActionKind.EMAIL)
def record_sent(task: Task, result: Any) -> None:
    """A message went out: it stands in its conversation, and the person counts as contacted."""
    if task.profile is None:
        return
    conversation = _conversation_of(task)
    now = clock.database_now()
    Message.objects.get_or_create(
        task=task,
        defaults={
            "conversation": conversation, "direction": Direction.OUT, "kind": KIND_OF[ActionKind(task.kind)],
            "remote_id": result.remote_id if isinstance(result, Done) else "", "text": task.payload.get("text", ""),
            "subject": task.payload.get("subject", "")[:300],
            "enrolment_id": task.enrolment_id, "sent_at": now,
        },
    )  # fmt: skip
    Conversation.objects.filter(pk=conversation.pk).update(last_message_at=now)
    if task.profile.person.stage in (Stage.NEW, Stage.QUALIFIED):
        set_stage(task.profile.person, Stage.CONTACTED, reason=f"{task.get_kind_display()} sent", by=None)


def _conversation_of(task: Task) -> Conversation:
    known = task.payload.get("conversation")
    if known:
        return Conversation.objects.get(pk=known)
    if task.profile is None:
        raise ValueError(f"Task {task.pk} has no profile to converse with.")
    return open_conversation(task.lane.account, task.profile)


@transaction.atomic
def hand_over(*, conversation: Conversation, chat_account: Account, by: Actor) -> None:
    """Another account goes on talking; who found the person stays on record, and the person shows whom they talk with."""
    if chat_account.network != conversation.profile.network:
        raise ValidationError({"chat_account": f"{chat_account} is not on {conversation.profile.network}."})
    Conversation.objects.filter(pk=conversation.pk).update(chat_account=chat_account, handed_over_at=Now())
    type(conversation.person).objects.filter(pk=conversation.person_id).update(talks_with=chat_account)
    conversation.refresh_from_db(fields=["chat_account", "handed_over_at"])
    events.emit(
        "conversation.handed_over",
        model="automation.conversation",
        ids=[conversation.pk],
        by=by,
        chat_account=chat_account.pk,
    )


def assign(*, conversation: Conversation, user: AbstractBaseUser | None, by: Actor) -> None:
    """Say which of us looks after the conversation; ``None`` for nobody."""
    Conversation.objects.filter(pk=conversation.pk).update(assignee=user)
    events.emit("conversation.assigned", model="automation.conversation", ids=[conversation.pk], by=by)


def set_interest(*, conversation: Conversation, interest: str, by: Actor) -> None:
    """Correct what the rules read in the messages."""
    if interest not in Interest.values:
        raise ValidationError({"interest": f'"{interest}" is not one of {", ".join(Interest.values)}.'})
    Conversation.objects.filter(pk=conversation.pk).update(interest=interest)
    events.emit(
        "conversation.interest_set",
        model="automation.conversation",
        ids=[conversation.pk],
        by=by,
        interest=interest,
    )


def mark_read(*, conversation: Conversation, by: Actor) -> None:
    """Nothing in it is new any more."""
    if Conversation.objects.filter(pk=conversation.pk, unread__gt=0).update(unread=0):
        events.emit("conversation.read", model="automation.conversation", ids=[conversation.pk], by=by)
