"""The inbox."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from automation.enums import (
    Direction,
    Interest,
)
from automation.models import (
    Conversation,
    Message,
    Task,
)
from tests.admin.doing import act, bulk, told
from tests.factories import (
    make_account,
    make_conversation,
    make_lane,
)

pytestmark = pytest.mark.django_db


def test_answer_is_queued_and_shown_until_sent(operator: Client) -> None:
    conversation = make_conversation(make_lane().account, unread=2)
    Message.objects.create(
        conversation=conversation, direction=Direction.IN, text="Who are you?", sent_at=timezone.now()
    )
    url = reverse("admin:automation_conversation_answer", args=[conversation.pk])
    page = operator.post(url, {"text": "A roaster."}, follow=True).content.decode()

    assert Task.objects.get().payload["text"] == "A roaster."
    assert "not sent yet" in page
    assert "Who are you?" in page
    conversation.refresh_from_db()
    assert conversation.unread == 0


def test_answer_needs_permission_and_a_post(viewer: Client, operator: Client) -> None:
    conversation = make_conversation(make_lane().account)
    url = reverse("admin:automation_conversation_answer", args=[conversation.pk])
    assert viewer.post(url, {"text": "Hi"}).status_code == 403
    assert operator.get(url).status_code == 405
    assert not Task.objects.exists()


def test_empty_answer_is_refused_in_words(operator: Client) -> None:
    conversation = make_conversation(make_lane().account)
    answer = operator.post(
        reverse("admin:automation_conversation_answer", args=[conversation.pk]), {"text": " "}, follow=True
    )
    assert "Write something first" in answer.content.decode()


@pytest.mark.parametrize(("chosen", "kind"), [("yes", "reply"), ("no", "dm")])
def test_comment_is_answered_as_staff_choose(operator: Client, chosen: str, kind: str) -> None:
    conversation = make_conversation(make_lane().account)
    conversation.messages.create(
        direction=Direction.IN, kind="comment", remote_id="c1", text="Nice!", sent_at=timezone.now()
    )
    page = operator.get(
        reverse("admin:automation_conversation_change", args=[conversation.pk])
    ).content.decode()
    assert "publicly, below their comment" in page
    url = reverse("admin:automation_conversation_answer", args=[conversation.pk])
    operator.post(url, {"text": "Thank you", "publicly": chosen})
    assert Task.objects.get().kind == kind


def test_page_says_how_and_whether_an_answer_can_go_out(operator: Client) -> None:
    by_message = make_conversation(make_lane().account)
    closed = make_conversation(make_lane(make_account(network="bluesky", server="")).account)
    pages = [
        operator.get(reverse("admin:automation_conversation_change", args=[one.pk])).content.decode()
        for one in (by_message, closed)
    ]
    assert ", by direct message</label>" in pages[0]
    assert 'name="publicly"' not in pages[0] + pages[1]
    assert "No message can be sent to them on bluesky now." in pages[1]
    assert 'id="answer"' not in pages[1]


def test_conversations_come_unread_first(viewer: Client) -> None:
    now = timezone.now()
    old = make_conversation(unread=1, last_message_at=now - timezone.timedelta(days=9))
    new = make_conversation(unread=0, last_message_at=now)
    rows = viewer.get(reverse("admin:automation_conversation_changelist")).context["cl"].result_list
    assert [row.pk for row in rows] == [old.pk, new.pk]


def test_conversation_acts(operator: Client) -> None:
    conversation, chat = make_conversation(unread=1), make_account(role="chat")
    user = User.objects.filter(is_staff=True).get()
    act(operator, "automation_conversation", conversation.pk, "set-interest", interest="meeting_booked")
    act(operator, "automation_conversation", conversation.pk, "assign", user=str(user.pk))
    act(operator, "automation_conversation", conversation.pk, "hand-over", chat_account=str(chat.pk))
    act(operator, "automation_conversation", conversation.pk, "mark-read")
    conversation = Conversation.objects.get()
    assert (conversation.interest, conversation.assignee, conversation.chat_account) == (
        Interest.MEETING_BOOKED,
        user,
        chat,
    )
    assert conversation.unread == 0


def test_labels_are_set_shown_and_filtered_by(operator: Client, viewer: Client) -> None:
    one, other = make_conversation(), make_conversation()
    act(operator, "automation_conversation", one.pk, "set-labels", labels="Hot lead,  Berlin ,")
    assert Conversation.objects.get(pk=one.pk).labels == ["Berlin", "Hot lead"]
    page = viewer.get(reverse("admin:automation_conversation_change", args=[one.pk])).content.decode()
    assert "Hot lead" in page
    listed = viewer.get(reverse("admin:automation_conversation_changelist"), {"label": "Hot lead"})
    assert [row.pk for row in listed.context["cl"].result_list] == [one.pk]
    act(viewer, "automation_conversation", one.pk, "set-labels", labels="")
    assert Conversation.objects.get(pk=one.pk).labels == ["Berlin", "Hot lead"]
    answer = bulk(operator, "automation_conversation", "label_many", [one.pk, other.pk], label="Berlin")
    assert "2 conversations labelled Berlin." in told(answer)
    assert Conversation.objects.get(pk=other.pk).labels == ["Berlin"]
    refused = act(operator, "automation_conversation", one.pk, "set-labels", labels="x" * 65)
    assert "64 characters at most" in told(refused)
