"""What comes in, what goes out, who goes on talking."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels.base import Done, Inbound
from automation.conversations import answering, services
from automation.enums import CampaignStatus, Direction, EnrolmentState, Interest, Reason, TaskState
from automation.models import Conversation, Message, Task
from leads.enums import Stage
from leads.models import Person, Profile
from tests.factories import make_account, make_campaign, make_enrolment, make_lane, make_profile, make_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    account = make_account()
    make_lane(account)
    return account


def says(handle: str, text: str, remote_id: str = "m1", **fields: Any) -> Inbound:
    return Inbound(remote_id, "dm", handle, text, timezone.now(), **fields)


def waiting_for(account: Account, profile: Profile, *, stop_on_reply: bool = True) -> tuple[Any, Task]:
    """An enrolment that is under way, with a message waiting."""
    campaign = make_campaign(status=CampaignStatus.RUNNING, stop_on_reply=stop_on_reply)
    enrolment = make_enrolment(campaign, profile, account=account, state=EnrolmentState.ACTIVE)
    task = make_task(
        account.lane,
        kind=ActionKind.DM,
        person=profile.person,
        profile=profile,
        enrolment=enrolment,
        campaign=campaign,
    )
    return enrolment, task


def state_of(thing: Any) -> str:
    thing.refresh_from_db()
    return str(thing.state)


# --- In ----------------------------------------------------------------------------------------------------
def test_a_message_of_a_stranger_makes_a_lead_and_a_thread(account: Account) -> None:
    assert (
        services.receive(
            account, [says("newcomer", "What is this?", sender_id="r9", sender_name="New Comer")]
        )
        == 1
    )
    profile = Profile.objects.get(handle="newcomer")
    assert (profile.remote_id, profile.display_name, profile.found_by) == ("r9", "New Comer", account)
    conversation = Conversation.objects.get(account=account, profile=profile)
    assert (conversation.unread, conversation.interest) == (1, Interest.NEUTRAL)
    assert conversation.last_message_at == conversation.messages.get().sent_at


def test_a_message_is_kept_once_however_often_it_comes(account: Account) -> None:
    message = says("ada", "Hello")
    assert [services.receive(account, [message, message]), services.receive(account, [message])] == [1, 0]
    assert (Message.objects.count(), Conversation.objects.get().unread) == (1, 1)


def test_a_no_suppresses_cancels_and_ends(account: Account) -> None:
    profile = make_profile()
    enrolment, task = waiting_for(account, profile)
    services.receive(account, [says(profile.handle, "Please stop contacting me.")])
    profile.person.refresh_from_db()
    assert profile.person.suppressed_at is not None
    assert (state_of(task), task.reason) == (TaskState.CANCELLED, Reason.SUPPRESSED)
    assert state_of(enrolment) == EnrolmentState.OPTED_OUT


def test_a_reply_ends_the_enrolments_that_stop_on_reply_and_no_others(account: Account) -> None:
    profile = make_profile()
    stops, cancelled = waiting_for(account, profile)
    goes_on, kept = waiting_for(account, profile, stop_on_reply=False)
    services.receive(account, [says(profile.handle, "What does it cost?")])
    assert (state_of(stops), state_of(cancelled), cancelled.reason) == (
        EnrolmentState.REPLIED, TaskState.CANCELLED, Reason.REPLIED,
    )  # fmt: skip
    assert (state_of(goes_on), state_of(kept)) == (EnrolmentState.ACTIVE, TaskState.PENDING)
    assert Person.objects.get(pk=profile.person_id).stage == Stage.REPLIED


@pytest.mark.parametrize("machine", [{"text": "I am out of the office"}, {"text": "STOP", "automatic": True}])
def test_a_machines_answer_stops_nothing(account: Account, machine: dict[str, Any]) -> None:
    profile = make_profile()
    enrolment, task = waiting_for(account, profile)
    services.receive(account, [says(profile.handle, **machine)])
    assert (state_of(enrolment), state_of(task)) == (EnrolmentState.ACTIVE, TaskState.PENDING)
    assert Message.objects.get().automatic
    profile.person.refresh_from_db()
    assert (profile.person.suppressed_at, profile.person.stage) == (None, Stage.NEW)


def test_a_machines_answer_does_not_overwrite_what_the_person_said(account: Account) -> None:
    services.receive(account, [says("ada", "Yes, tell me more", "m1")])
    services.receive(account, [says("ada", "I am out of the office", "m2")])
    assert Conversation.objects.get().interest == Interest.INTERESTED


def test_messages_of_our_own_accounts_are_left_out(account: Account) -> None:
    other = make_account(handle="Second.Account")
    assert services.receive(account, [says("second.account", "hi"), says(account.handle, "me")]) == 0
    assert not Profile.objects.filter(handle=other.handle.lower()).exists()


def test_nobody_can_stop_our_inbox_with_a_message_that_cannot_be_stored(account: Account) -> None:
    odd = [
        says("", "from nobody", "m1"),
        says("ada", "nul \0 and \ud800", "m2\0"),
        says("ada", "Please stop", "m3"),
    ]
    assert services.receive(account, odd) == 2
    assert sorted(Message.objects.values_list("text", flat=True)) == ["Please stop", "nul  and"]
    assert Person.objects.get(profiles__handle="ada").suppressed_at is not None


# --- Hand over ---------------------------------------------------------------------------------------------
def test_the_interested_are_handed_over_to_a_chat_account_that_works(account: Account) -> None:
    asleep, awake = make_account(status=AccountStatus.PAUSED), make_account()
    account.chat_accounts.set([asleep, awake])
    profile = make_profile()
    enrolment, _ = waiting_for(account, profile)
    first = services.open_conversation(account, profile)
    Message.objects.create(
        conversation=first, direction=Direction.OUT, text="Hi", enrolment=enrolment, sent_at=timezone.now()
    )
    services.receive(account, [says(profile.handle, "Yes, tell me more!")])
    first.refresh_from_db()
    assert (first.account, first.chat_account) == (account, awake)
    assert Person.objects.get(pk=profile.person_id).talks_with == awake
    services.receive(awake, [says(profile.handle, "Are you there?", "m2")])
    assert Conversation.objects.count() == 1, "the chat account goes on in the same thread"
    inbound = first.messages.filter(direction=Direction.IN)
    assert {message.enrolment for message in inbound} == {enrolment}, "the campaign keeps its replies"


def test_handing_over_stays_on_the_network() -> None:
    conversation = services.open_conversation(make_account(), make_profile())
    with pytest.raises(ValidationError, match="not on sandbox"):
        services.hand_over(conversation=conversation, chat_account=make_account(network="mastodon"), by=None)


# --- Out ---------------------------------------------------------------------------------------------------
@pytest.fixture
def conversation(account: Account) -> Conversation:
    profile = make_profile()
    services.receive(account, [says(profile.handle, "What is this?")])
    return Conversation.objects.get()


def test_what_was_sent_stands_in_its_thread_once(conversation: Conversation) -> None:
    task = answering.reply(conversation=conversation, text="Hello!", by=None)
    for _ in range(2):
        services.record_sent(Task.objects.get(pk=task.pk), Done("r1"))
    message = conversation.messages.get(direction=Direction.OUT)
    assert (message.text, message.remote_id, message.task) == ("Hello!", "r1", task)


def test_a_first_message_makes_the_person_contacted(account: Account) -> None:
    profile = make_profile()
    task = make_task(
        account.lane, kind=ActionKind.DM, person=profile.person, profile=profile, payload={"text": "Hi"}
    )
    services.record_sent(task, Done("r1"))
    assert Person.objects.get(pk=profile.person_id).stage == Stage.CONTACTED
    assert Conversation.objects.get(account=account, profile=profile).messages.get().text == "Hi"


def test_assigning_and_interest_by_hand(conversation: Conversation) -> None:
    user = User.objects.create(username="grace")
    services.assign(conversation=conversation, user=user, by=user)
    services.set_interest(conversation=conversation, interest=Interest.MEETING_BOOKED, by=user)
    conversation.refresh_from_db()
    assert (conversation.assignee, conversation.interest) == (user, Interest.MEETING_BOOKED)
    with pytest.raises(ValidationError, match="is not one of"):
        services.set_interest(conversation=conversation, interest="thrilled", by=user)
