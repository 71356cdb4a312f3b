"""Labels of conversations, kept both here and in the mailbox the conversation is in.

``labels_there`` is what mailbox and we last agreed on. Against it both sides' changes show: what was added on either side is
added on the other, what was taken away is taken away. A change that is lost on its way is found at the next look and sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.engine import effects, tasks
from automation.engine.tasks import NewTask
from automation.enums import Direction, Priority, TaskState
from automation.models import Conversation, Message, Task
from outreach.lib import clock, events
from outreach.lib.actors import Actor

MOST = 20  # labels of one conversation
LONGEST = 64
MESSAGES = 50  # of a conversation that are labelled in the mailbox, the latest ones
BY_MAILBOX = "mailbox"
OPEN = (TaskState.PENDING, TaskState.RUNNING)
REFUSED_FOR = timedelta(days=1)


def set_labels(*, conversation: Conversation, names: Iterable[str], by: Actor) -> Conversation:
    """Give a conversation these labels and no others, here at once and in its mailbox soon.

    Raises :class:`ValidationError` for a name that cannot be one. Emits ``conversation.labelled`` with what changed.
    """
    wanted = clean(names)
    with transaction.atomic():
        locked = _locked(conversation.pk)
        _write(locked, wanted, by=by)
        conversation.labels = locked.labels
    return conversation


def add_label(*, conversation: Conversation, name: str, by: Actor) -> Conversation:
    """One label more."""
    with transaction.atomic():
        locked = _locked(conversation.pk)
        _write(locked, clean([*locked.labels, name]), by=by)
        conversation.labels = locked.labels
    return conversation


def clean(names: Iterable[str]) -> list[str]:
    """Names without needless blanks, each once whatever its letters' case, in the alphabet's order."""
    found: dict[str, str] = {}
    for name in names:
        plain = " ".join(name.split())
        if not plain or len(plain) > LONGEST or not plain.isprintable():
            raise ValidationError({"labels": f"A label is a word or a few, {LONGEST} characters at most."})
        found.setdefault(plain.casefold(), plain)
    if len(found) > MOST:
        raise ValidationError({"labels": f"A conversation has at most {MOST} labels."})
    return sorted(found.values(), key=str.casefold)


def known() -> list[str]:
    """The labels in use, for choosing among them."""
    rows = Conversation.objects.exclude(labels=[]).values_list("labels", flat=True).order_by("-id")[:5_000]
    return sorted({name for labels in rows for name in labels}, key=str.casefold)


def _locked(pk: int) -> Conversation:
    return Conversation.objects.select_for_update(of=("self",)).select_related("account").get(pk=pk)


def _write(conversation: Conversation, labels: Sequence[str], *, by: Actor) -> None:
    before = set(conversation.labels)
    if before != set(labels):
        conversation.labels = list(labels)
        conversation.save(update_fields=["labels"])
        added, removed = sorted(set(labels) - before), sorted(before - set(labels))
        events.emit(
            "conversation.labelled", model="automation.conversation", ids=[conversation.pk], by=by, added=added,
            removed=removed,
        )  # fmt: skip
    _send(conversation)


# --- To the mailbox --------------------------------------------------------------------------------------------------
def _send(conversation: Conversation) -> None:
    """Write the task that makes the mailbox agree, where it keeps labels and does not agree yet."""
    add = sorted(set(conversation.labels) - set(conversation.labels_there))
    remove = sorted(set(conversation.labels_there) - set(conversation.labels))
    if not (add or remove) or ActionKind.SET_LABELS not in registry.capabilities(
        conversation.account.network
    ):
        return
    received = conversation.messages.filter(direction=Direction.IN).exclude(remote_id="")
    ids = list(received.order_by("-sent_at", "-id").values_list("remote_id", flat=True)[:MESSAGES])
    if not ids:
        return
    payload = {"conversation": conversation.pk, "messages": ids, "add": add, "remove": remove}
    tasks.add(
        NewTask(
            account_id=conversation.account_id, kind=ActionKind.SET_LABELS, priority=Priority.NORMAL, payload=payload,
            dedupe_key=f"labels:{conversation.pk}:{clock.database_now().timestamp():.6f}",
        )
    )  # fmt: skip


@effects.on_completed(ActionKind.SET_LABELS)
def agreed(task: Task, result: object) -> None:
    """The mailbox has them."""
    conversation = Conversation.objects.select_for_update().filter(pk=task.payload["conversation"]).first()
    if conversation is not None:
        there = (set(conversation.labels_there) | set(task.payload["add"])) - set(task.payload["remove"])
        conversation.labels_there = sorted(there, key=str.casefold)
        conversation.save(update_fields=["labels_there"])


# --- From the mailbox ------------------------------------------------------------------------------------------------
def take(account: Account, found: Mapping[str, Sequence[str]]) -> int:
    """Take over what was changed in the mailbox; ``found`` are the labels of its messages by remote id.

    Returns how many conversations changed here. One whose own change is still on its way, or was refused today, waits.
    """
    there = _of_conversations(account, found)
    lately = Q(state=TaskState.FAILED, finished_at__gt=clock.database_now() - REFUSED_FOR)
    waiting = Task.objects.filter(Q(state__in=OPEN) | lately, lane_id=account.pk, kind=ActionKind.SET_LABELS)
    busy = set(waiting.values_list("payload__conversation", flat=True))
    rows = Conversation.objects.filter(pk__in=set(there) - busy).values_list("pk", "labels", "labels_there")
    differ = [pk for pk, ours, agreed in rows if there[pk] != set(agreed) or there[pk] != set(ours)]
    return sum(_merge(pk, there[pk]) for pk in sorted(differ))


def _of_conversations(account: Account, found: Mapping[str, Sequence[str]]) -> dict[int, set[str]]:
    """The labels of each conversation, which are those of its messages together.

    Where a message was not looked at, being old or moved away, its labels count as being there still.
    """
    received = Message.objects.filter(direction=Direction.IN, notice="").exclude(remote_id="")
    there: dict[int, set[str]] = defaultdict(set)
    known = received.filter(conversation__account=account, remote_id__in=list(found))
    for pk, remote_id in known.values_list("conversation_id", "remote_id"):
        there[pk] |= set(found[remote_id])
    unseen = received.filter(conversation__in=there).exclude(remote_id__in=list(found))
    for pk, agreed in unseen.values_list("conversation_id", "conversation__labels_there").distinct():
        there[pk] |= set(agreed)
    return there


@transaction.atomic
def _merge(pk: int, there: set[str]) -> bool:
    conversation = _locked(pk)
    agreed, ours = set(conversation.labels_there), set(conversation.labels)
    there = {_as_we_write_it(name, ours | agreed) for name in there}
    merged = (ours | (there - agreed)) - (agreed - there)
    try:
        labels = clean(merged)
    except ValidationError:  # more than we keep: what is here stays, and the mailbox is left as it is
        return False
    conversation.labels_there = sorted(there, key=str.casefold)
    conversation.save(update_fields=["labels_there"])
    changed = set(labels) != ours
    _write(conversation, labels, by=BY_MAILBOX)
    return changed


def _as_we_write_it(name: str, ours: Iterable[str]) -> str:
    """A mailbox may keep a label with other signs or letters; it is ours if only these differ."""
    plain = _plain(name)
    return next((one for one in ours if _plain(one) == plain), name)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum() and char.isascii()) or name.casefold()
