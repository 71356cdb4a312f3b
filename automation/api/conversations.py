"""Conversations: read, answered, handed over."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.models import Account
from automation.api.schemas import TaskOut
from automation.api.schemas_content import (
    AssignIn,
    ConversationOut,
    ConversationQuery,
    HandOverIn,
    InterestIn,
    LabelsIn,
    MessageOut,
    ReplyIn,
)
from automation.api.tasks import task_now
from automation.conversations import answering, labels, services
from automation.models import Conversation, Message
from outreach.lib.errors import ApiError, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Conversations"])
READ = needs("conversations:read", "automation.view_conversation")
WRITE = needs("conversations:write", "automation.change_conversation")
ACT = needs("conversations:act", "automation.change_conversation")


@router.get("/conversations", response=Page[ConversationOut], summary="List conversations", **READ)
def list_conversations(request: HttpRequest, query: Query[ConversationQuery]) -> Any:
    """Ordered by when they began, so that an answer coming in moves nobody to another page; `unread` finds the new."""
    filters = query.filters(since="last_message_at__gte")
    if label := filters.pop("label", None):
        filters["labels__contains"] = [label]
    if (unread := filters.pop("unread", None)) is not None:
        filters["unread__gt" if unread else "unread"] = 0
    return page(Conversation.objects.filter(**filters), cursor=query.cursor, limit=query.limit)


@router.get(
    "/conversations/{int:conversation_id}", response=ConversationOut, summary="Show a conversation", **READ
)
def show_conversation(request: HttpRequest, conversation_id: int) -> Any:
    return find(Conversation.objects.all(), conversation_id)


@router.get(
    "/conversations/{int:conversation_id}/messages", response=Page[MessageOut], summary="List messages, newest first",
    **needs("conversations:read", "automation.view_message"),
)  # fmt: skip
def list_messages(request: HttpRequest, conversation_id: int, query: Query[ListQuery]) -> Any:
    conversation = find(Conversation.objects.all(), conversation_id)
    return page(Message.objects.filter(conversation=conversation), cursor=query.cursor, limit=query.limit)


@router.post("/conversations/{int:conversation_id}/reply", response={202: TaskOut}, summary="Answer", **ACT)
@idempotent(202)
def reply(request: HttpRequest, conversation_id: int, body: ReplyIn) -> TaskOut:
    """Follow the task. Refused (409) when the person said no.

    A comment is answered by message where the network has messages, else publicly; `publicly` chooses.
    """
    conversation = find(
        Conversation.objects.select_related("person", "account", "chat_account", "profile"), conversation_id
    )
    if conversation.person.suppressed_at is not None:
        raise ApiError(409, "This person said no: nothing can be sent to them.", error="suppressed")
    with refusals():
        task = answering.reply(
            conversation=conversation, text=body.text, by=caller(request), publicly=body.publicly
        )
    return task_now(task.pk)


@router.post(
    "/conversations/{int:conversation_id}/hand-over", response=ConversationOut, summary="Hand over", **WRITE
)
def hand_over(request: HttpRequest, conversation_id: int, body: HandOverIn) -> Any:
    """Another account goes on talking; who found the person stays on record."""
    conversation = find(Conversation.objects.select_related("person", "profile"), conversation_id)
    account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals():
        services.hand_over(conversation=conversation, chat_account=account, by=caller(request))
    return _now(conversation_id)


@router.post(
    "/conversations/{int:conversation_id}/assign", response=ConversationOut, summary="Assign", **WRITE
)
def assign(request: HttpRequest, conversation_id: int, body: AssignIn) -> Any:
    """null: to nobody."""
    conversation = find(Conversation.objects.all(), conversation_id)
    user = (
        None
        if body.user_id is None
        else named(get_user_model().objects.filter(is_active=True), body.user_id, "user_id")
    )
    services.assign(conversation=conversation, user=user, by=caller(request))
    return _now(conversation_id)


@router.put(
    "/conversations/{int:conversation_id}/labels", response=ConversationOut, summary="Set labels", **WRITE
)
def set_labels(request: HttpRequest, conversation_id: int, body: LabelsIn) -> Any:
    """A conversation by mail is labelled in its mailbox too, and takes over what is changed there."""
    conversation = find(Conversation.objects.all(), conversation_id)
    with refusals():
        labels.set_labels(conversation=conversation, names=body.labels, by=caller(request))
    return _now(conversation_id)


@router.post(
    "/conversations/{int:conversation_id}/interest", response=ConversationOut, summary="Set interest", **WRITE
)
def set_interest(request: HttpRequest, conversation_id: int, body: InterestIn) -> Any:
    conversation = find(Conversation.objects.all(), conversation_id)
    with refusals():
        services.set_interest(conversation=conversation, interest=body.interest, by=caller(request))
    return _now(conversation_id)


@router.post(
    "/conversations/{int:conversation_id}/read", response=ConversationOut, summary="Mark as read", **WRITE
)
def mark_read(request: HttpRequest, conversation_id: int) -> Any:
    conversation = find(Conversation.objects.all(), conversation_id)
    services.mark_read(conversation=conversation, by=caller(request))
    return _now(conversation_id)


def _now(conversation_id: int) -> Conversation:
    return Conversation.objects.get(pk=conversation_id)
