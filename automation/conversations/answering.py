"""Answering by hand: in which ways the network lets us, and the answer itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import ActionKind
from automation.channels import registry
from automation.conversations import services, threads
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import Direction, MessageKind, Priority, TaskState
from automation.models import Conversation, Message, Task
from outreach.lib import events, networks
from outreach.lib.actors import Actor


@dataclass(frozen=True, slots=True)
class Way:
    """One way to answer: the act, what it needs beside the text, and how staff hear of it. ``public``: all can read it."""

    kind: ActionKind
    words: str
    public: bool = False
    payload: dict[str, Any] = field(default_factory=dict)


def ways(conversation: Conversation) -> list[Way]:
    """How this conversation can be answered now, what comes first being meant when nobody says; empty: not at all."""
    account = conversation.chat_account or conversation.account
    able = registry.capabilities(account.network)
    if ActionKind.EMAIL in able:
        return [Way(ActionKind.EMAIL, "by mail", payload=threads.continued(conversation))]
    comment = _comment_to_answer(conversation)
    found = [_privately(conversation, comment)] if ActionKind.DM in able else []
    if comment is not None and ActionKind.REPLY in able:
        below = {"post_id": comment.remote_id}
        found.append(Way(ActionKind.REPLY, "publicly, below their comment", public=True, payload=below))
    return [way for way in found if way]


def _privately(conversation: Conversation, comment: Message | None) -> Way | None:
    """A direct message. Where a network takes one to a commenter by way of the comment only, it takes one a comment."""
    by_comment = networks.get(conversation.account.network).answers_comments_privately
    if comment is None or not by_comment or conversation.chat_account_id is not None:
        return Way(ActionKind.DM, "by direct message")
    written = conversation.messages.filter(
        direction=Direction.OUT, kind=MessageKind.DM, sent_at__gt=comment.sent_at
    )
    if written.exists():
        return None
    return Way(
        ActionKind.DM, "by direct message, once for their comment", payload={"post_id": comment.remote_id}
    )


def _comment_to_answer(conversation: Conversation) -> Message | None:
    """Their newest message, if it is a comment."""
    heard = conversation.messages.filter(direction=Direction.IN, automatic=False)
    last = heard.order_by("-sent_at", "-id").first()
    return last if last is not None and last.kind == MessageKind.COMMENT else None


@transaction.atomic
def reply(*, conversation: Conversation, text: str, by: Actor, publicly: bool | None = None) -> Task:
    """Answer by hand, through the account that talks with them now; runs ahead of campaigns, under the same limits.

    ``publicly`` chooses between a comment and a message, ``None`` takes the first of :func:`ways`. Asked twice it is one
    answer; one that failed is tried again. Raises :class:`ValidationError` for an empty text, for a person who said no, and
    where the network lets us answer in no such way.
    """
    text = text.strip()
    if not text:
        raise ValidationError({"text": "Write something first."})
    if conversation.person.suppressed_at is not None:
        raise ValidationError("This person said no: nothing can be sent to them.")
    way = _chosen(conversation, publicly)
    task = _queue(conversation, way, text)
    if task.state in (TaskState.FAILED, TaskState.CANCELLED):
        tasks.retry(task, by=by)
        task.refresh_from_db()
    services.mark_read(conversation=conversation, by=by)
    events.emit("conversation.answered", model="automation.conversation", ids=[conversation.pk], by=by)
    return task


def _chosen(conversation: Conversation, publicly: bool | None) -> Way:
    for way in ways(conversation):
        if publicly in (None, way.public):
            return way
    raise ValidationError(why_not(conversation, publicly=bool(publicly)))


def why_not(conversation: Conversation, *, publicly: bool = False) -> str:
    """Why there is no such way to answer, as a sentence for people."""
    if publicly:
        return "Their last message is no comment that could be answered publicly."
    network = conversation.account.network
    return f"No message can be sent to them on {network} now.{networks.why_closed(network, ActionKind.DM)}"


def _queue(conversation: Conversation, way: Way, text: str) -> Task:
    said = conversation.messages.filter(direction=Direction.OUT).count()  # grows only once the answer is out
    return tasks.add(
        NewTask(
            account_id=(conversation.chat_account or conversation.account).pk, kind=way.kind,
            profile=conversation.profile, priority=Priority.CRITICAL,
            dedupe_key=f"conversation:{conversation.pk}:answer:{said}:{_hash_of(text)}",
            payload={"text": text, "conversation": conversation.pk, **way.payload},
        )
    )  # fmt: skip


def _hash_of(text: str) -> str:
    """A short name for a text, so that pressing "send" twice is one answer."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
