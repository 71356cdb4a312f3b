"""Answers typed by staff: which ways there are on each network, and that an answer goes out once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Done, Inbound
from automation.conversations import answering, services
from automation.enums import Direction, MessageKind, Priority, TaskState
from automation.models import Conversation, Message, Task
from leads import consent
from tests.factories import make_account, make_lane, make_profile

pytestmark = pytest.mark.django_db
THEIRS = {"email": "grace@people.test"}


@pytest.fixture
def account() -> Account:
    account = make_account()
    make_lane(account)
    return account


@pytest.fixture
def conversation(account: Account) -> Conversation:
    return written_to(account)


def says(handle: str, text: str, remote_id: str = "m1", kind: str = "dm", **fields: Any) -> Inbound:
    return Inbound(remote_id, kind, handle, text, timezone.now(), **fields)


def written_to(account: Account, kind: str = "dm") -> Conversation:
    """Somebody wrote to an account of ours."""
    profile = make_profile(THEIRS.get(account.network, "grace.example"), network=account.network)
    services.receive(account, [says(profile.handle, "What is this?", kind=kind)])
    return Conversation.objects.get(account=account)


def on(network: str, kind: str) -> Conversation:
    account = make_account(network=network, handle="ours@example.org", server="")
    make_lane(account)
    return written_to(account, kind)


def way(found: answering.Way) -> tuple[str, bool, str]:
    return found.kind, found.public, found.payload.get("post_id", "")


@pytest.mark.parametrize(
    ("network", "kind", "expected"),
    [
        ("sandbox", "dm", [("dm", False, "")]),
        ("sandbox", "comment", [("dm", False, ""), ("reply", True, "m1")]),
        ("mastodon", "comment", [("dm", False, ""), ("reply", True, "m1")]),
        ("x", "comment", [("dm", False, ""), ("reply", True, "m1")]),
        ("bluesky", "comment", [("reply", True, "m1")]),
        ("bluesky", "dm", []),
        ("instagram", "dm", [("dm", False, "")]),
        ("instagram", "comment", [("dm", False, "m1"), ("reply", True, "m1")]),
        ("email", "email", [("email", False, "m1")]),
    ],
)
def test_ways_are_those_of_the_network(
    network: str, kind: str, expected: list[tuple[str, bool, str]]
) -> None:
    assert [way(found) for found in answering.ways(on(network, kind))] == expected


def test_comment_on_instagram_is_answered_privately_once(account: Account) -> None:
    conversation = on("instagram", "comment")
    task = answering.reply(conversation=conversation, text="Hello!", by=None)
    assert (task.kind, task.payload["post_id"]) == (ActionKind.DM, "m1")
    services.record_sent(task, Done("r1"))
    Message.objects.filter(direction=Direction.OUT).update(sent_at=timezone.now() + timedelta(seconds=1))
    assert [way(found) for found in answering.ways(conversation)] == [("reply", True, "m1")]


def test_who_takes_over_on_instagram_writes_without_the_comment() -> None:
    conversation = on("instagram", "comment")
    chat = make_account(network="instagram", handle="chat", server="")
    services.hand_over(conversation=conversation, chat_account=chat, by=None)
    assert way(answering.ways(conversation)[0]) == ("dm", False, "")


def test_comment_can_be_answered_below_it() -> None:
    conversation = on("mastodon", "comment")
    task = answering.reply(conversation=conversation, text="Hello!", by=None, publicly=True)
    assert (task.kind, task.payload["post_id"], task.profile) == (
        ActionKind.REPLY,
        "m1",
        conversation.profile,
    )
    services.record_sent(task, Done("r1"))
    assert conversation.messages.get(direction=Direction.OUT).kind == MessageKind.COMMENT


def test_where_no_way_is_open_it_is_said_and_nothing_is_queued() -> None:
    with pytest.raises(ValidationError, match="no comment that could be answered publicly"):
        answering.reply(conversation=on("sandbox", "dm"), text="Hello!", by=None, publicly=True)
    with pytest.raises(ValidationError, match="No message can be sent to them on bluesky now"):
        answering.reply(conversation=on("bluesky", "dm"), text="Hello!", by=None)
    assert not Task.objects.filter(kind__in=(ActionKind.DM, ActionKind.REPLY)).exists()


def test_an_answer_goes_out_ahead_of_campaigns_by_who_talks_with_them_now(conversation: Conversation) -> None:
    chat = make_account()
    make_lane(chat)
    services.hand_over(conversation=conversation, chat_account=chat, by=None)
    task = answering.reply(conversation=conversation, text=" Hello! ", by=None)
    assert (task.lane_id, task.kind, task.priority) == (chat.pk, ActionKind.DM, Priority.CRITICAL)
    assert (task.payload["text"], task.person) == ("Hello!", conversation.person)
    conversation.refresh_from_db()
    assert conversation.unread == 0


def test_answering_twice_is_one_answer_even_if_they_write_in_between(
    account: Account, conversation: Conversation
) -> None:
    first = answering.reply(conversation=conversation, text="Hello!", by=None)
    services.receive(account, [says(conversation.profile.handle, "And?", "m2")])
    assert answering.reply(conversation=conversation, text="Hello!", by=None) == first
    assert answering.reply(conversation=conversation, text="Hello again!", by=None) != first


def test_the_same_words_can_be_said_again_once_they_are_out(conversation: Conversation) -> None:
    first = answering.reply(conversation=conversation, text="Hello!", by=None)
    services.record_sent(first, Done("r1"))
    assert answering.reply(conversation=conversation, text="Hello!", by=None) != first


def test_an_answer_that_failed_is_tried_again_under_its_send_id(conversation: Conversation) -> None:
    first = answering.reply(conversation=conversation, text="Hello!", by=None)
    Task.objects.filter(pk=first.pk).update(state=TaskState.FAILED, finished_at=timezone.now(), due_at=None)
    again = answering.reply(conversation=conversation, text="Hello!", by=None)
    assert (again.pk, again.state, again.send_id) == (first.pk, TaskState.PENDING, first.send_id)


def test_nothing_is_sent_without_words_or_to_who_said_no(conversation: Conversation) -> None:
    with pytest.raises(ValidationError, match="Write something first"):
        answering.reply(conversation=conversation, text=" \n", by=None)
    consent.suppress_person(person_id=conversation.person_id, by="test")
    conversation = Conversation.objects.get()
    with pytest.raises(ValidationError, match="said no"):
        answering.reply(conversation=conversation, text="But wait", by=None)
    assert not Task.objects.filter(kind=ActionKind.DM).exists()
