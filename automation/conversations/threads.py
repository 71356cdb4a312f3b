"""Which thread a mail belongs to: by what it answers, since people write from other addresses than they are known by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts.enums import ActionKind
from automation.campaigns.mail import answering
from automation.channels.base import Done
from automation.engine import outcomes
from automation.enums import Direction, TaskState
from automation.models import Conversation, Message, Task

# Our Message-IDs begin with the send id, see the channel.
_OURS = re.compile(r"([0-9a-f]{32})@")
MOST_REFERENCES = 20


def task_of(references: Sequence[str]) -> Task | None:
    """The mail of ours that is named first among these message ids; one that was unclear is proved by being named."""
    ids = [UUID(found[1]) for one in references[:MOST_REFERENCES] if (found := _OURS.match(one))]
    known = {task.send_id: task for task in _sent(ids)}
    task = next((known[one] for one in ids if one in known), None)
    if task is not None and task.state == TaskState.UNKNOWN:
        _prove(task, next(one for one in references if one.startswith(task.send_id.hex)))
    return task


def _sent(ids: Iterable[UUID]) -> Iterable[Task]:
    chosen = Task.objects.filter(send_id__in=list(ids), kind=ActionKind.EMAIL, profile__isnull=False)
    return chosen.select_related("lane__account", "profile__person", "campaign")


def _prove(task: Task, message_id: str) -> None:
    locked = Task.objects.select_for_update().filter(pk=task.pk, state=TaskState.UNKNOWN).first()
    if locked is not None:
        outcomes.confirm(locked, Done(message_id[:255]), detail="Somebody's mail system answered it")


def answered(references: Sequence[str]) -> Conversation | None:
    """The thread of the mail of ours that these message ids name, if any."""
    task = task_of(references) if references else None
    if task is None:
        return None
    message = (
        Message.objects.filter(task=task)
        .select_related("conversation__person", "conversation__account")
        .first()
    )
    return message.conversation if message else None


def continued(conversation: Conversation) -> dict[str, Any]:
    """What an answer's task needs to stand in the same thread: the subject, and the message it answers."""
    messages = conversation.messages.filter(notice="").order_by("-sent_at", "-id")
    last = messages.filter(direction=Direction.IN).first() or messages.first()
    if last is None:
        return {}
    return {"subject": answering(last.subject), "post_id": last.remote_id}
