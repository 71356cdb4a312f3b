"""Mail through the whole of Outreach: what comes back, what it means, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import services as campaigns
from automation.campaigns.services import StepSpec, VariantSpec
from automation.conversations import answering
from automation.enums import EnrolmentState, Interest, NoticeKind, Reason, StepKind, TaskState
from automation.models import Conversation, Message, Task
from leads.enums import SuppressionReason
from leads.models import Profile, Suppression
from outreach.lib import clock
from tests.automation.conftest import run_lanes
from tests.automation.conversations.mailing import make_mailbox, people, read, send, start_campaign
from tests.channels.email.world import MailWorld
from tests.factories import make_profile

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reply_stands_in_the_thread_it_answers(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    world.reply(send(world, mailbox, bob), "Yes, tell me more!")
    read(mailbox)

    talk = Conversation.objects.get()
    assert [(m.direction, m.text, m.subject) for m in talk.messages.order_by("id")] == [
        ("out", "Hello", "A question"), ("in", "Yes, tell me more!", "Re: A question"),
    ]  # fmt: skip
    assert (talk.profile, talk.interest, talk.unread) == (bob, Interest.INTERESTED, 1)


def test_a_reply_from_another_address_stands_there_too(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    world.reply(send(world, mailbox, bob), "Yes please", sender="Bob Private <bob@home.test>")
    read(mailbox)

    assert Conversation.objects.get().messages.count() == 2
    assert not Profile.objects.filter(handle="bob@home.test").exists()


def test_a_reply_is_taken_once_though_the_mailbox_is_numbered_anew(
    world: MailWorld, mailbox: Account
) -> None:
    [bob] = people(1)
    world.reply(send(world, mailbox, bob), "Yes please")
    read(mailbox)
    world.imap.renumber(mailbox.handle)
    read(mailbox)

    assert Message.objects.filter(direction="in").count() == 1
    assert Conversation.objects.get().unread == 1


def test_a_no_in_a_reply_holds_for_both_addresses(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    world.reply(send(world, mailbox, bob), "Unsubscribe", sender="bob@home.test")
    read(mailbox)

    bob.person.refresh_from_db()
    assert bob.person.suppressed_at is not None
    assert set(Suppression.objects.values_list("address", flat=True)) == {bob.handle, "bob@home.test"}


def test_our_own_words_in_a_quotation_are_no_no(world: MailWorld, mailbox: Account) -> None:
    start_campaign(mailbox, people(1), follow_up=False)
    world.reply(world.smtp.taken[-1], "Sounds good")
    read(mailbox)

    assert Message.objects.get(direction="in").text == "Sounds good"
    assert not Suppression.objects.exists()


def test_out_of_office_is_neither_a_reply_nor_a_no(world: MailWorld, mailbox: Account) -> None:
    campaign = start_campaign(mailbox, people(1))
    world.out_of_office(world.smtp.taken[-1])
    read(mailbox)

    assert Message.objects.get(direction="in").automatic
    assert campaign.enrolments.get().state == EnrolmentState.ACTIVE
    assert not Suppression.objects.exists()


def test_a_reply_ends_the_enrolment_that_stops_on_reply(world: MailWorld, mailbox: Account) -> None:
    campaign = start_campaign(mailbox, people(1))
    world.reply(world.smtp.taken[-1], "Yes please")
    read(mailbox)

    assert campaign.enrolments.get().state == EnrolmentState.REPLIED
    assert Task.objects.get(campaign=campaign, state=TaskState.CANCELLED).reason == Reason.REPLIED


def test_newsletters_of_strangers_begin_no_conversation(world: MailWorld, mailbox: Account) -> None:
    world.arrives(
        mailbox.handle,
        b"From: news@shop.test\r\nList-Id: <news>\r\nMessage-ID: <a@b>\r\nSubject: Sale\r\n\r\nBuy\r\n",
    )
    world.arrives(
        mailbox.handle, b"From: eve@people.test\r\nMessage-ID: <c@d>\r\nSubject: Question\r\n\r\nHello\r\n"
    )
    read(mailbox)

    assert list(Conversation.objects.values_list("profile__handle", flat=True)) == ["eve@people.test"]


def test_an_answer_by_hand_goes_on_in_the_thread(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    answer = world.reply(send(world, mailbox, bob), "Yes please")
    read(mailbox)
    answering.reply(conversation=Conversation.objects.get(), text="Great!", by="test")
    run_lanes()

    sent = world.smtp.taken[-1].content
    assert f"In-Reply-To: {answer['Message-ID']}".encode() in sent
    assert b"Subject: Re: A question\r\n" in sent


def test_a_follow_up_without_a_subject_goes_on_in_the_thread(world: MailWorld, mailbox: Account) -> None:
    start_campaign(mailbox, people(1))
    first = world.smtp.taken[-1]
    Task.objects.pending().filter(kind=ActionKind.EMAIL).update(due_at=Now())
    mailbox.lane.__class__.objects.update(next_at=Now())
    run_lanes()

    second = world.smtp.taken[-1]
    assert second.message_id != first.message_id
    assert f"In-Reply-To: <{first.message_id}>".encode() in second.content
    assert b"Subject: Re: Hi them" in second.content


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "550 5.1.1 user unknown", NoticeKind.HARD),
        ("5.2.2", "552 5.2.2 mailbox full", NoticeKind.SOFT),
        ("5.7.1", "554 5.7.1 blocked for policy reasons", NoticeKind.BLOCKED),
        ("4.4.7", "delivery time expired", NoticeKind.EXPIRED),
    ],
)
def test_a_bounce_is_kept_as_a_fact(
    world: MailWorld, mailbox: Account, status: str, words: str, kind: str
) -> None:
    [bob] = people(1)
    campaign = start_campaign(mailbox, [bob])
    world.report(world.smtp.taken[-1], status, words)
    read(mailbox)

    hard = kind == NoticeKind.HARD
    bob.refresh_from_db()
    assert Message.objects.get(direction="in").notice == kind
    assert status in bob.bounce
    assert (bob.bounced_at is not None) == hard
    assert Suppression.objects.filter(reason=SuppressionReason.HARD_BOUNCE).exists() == hard
    assert campaign.enrolments.get().state == (EnrolmentState.BOUNCED if hard else EnrolmentState.ACTIVE)


def test_the_third_soft_bounce_in_a_row_is_for_good(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    for number in range(3):
        bob.refresh_from_db()
        assert bob.bounced_at is None
        world.report(send(world, mailbox, bob, f"Try {number}"), "5.2.2", "552 5.2.2 mailbox full")
        read(mailbox)
    bob.refresh_from_db()
    assert bob.bounced_at is not None


def test_a_delay_is_only_noted(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    world.report(send(world, mailbox, bob), "4.4.1", "421 no answer from host", action="delayed")
    read(mailbox)
    bob.refresh_from_db()
    assert Message.objects.get(direction="in").notice == NoticeKind.DELAYED
    assert (bob.bounce, bob.bounced_at) == ("", None)


def test_an_address_refused_at_once_is_a_hard_bounce(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    world.smtp.fault("rcpt", "550 5.1.1 no such user", address=bob.handle)
    campaign = start_campaign(mailbox, [bob])
    bob.refresh_from_db()
    assert campaign.enrolments.get().state == EnrolmentState.BOUNCED
    assert bob.bounced_at is not None
    assert Suppression.objects.get().reason == SuppressionReason.HARD_BOUNCE


def test_a_complaint_stops_everything(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    campaign = start_campaign(mailbox, [bob])
    world.complaint(world.smtp.taken[-1])
    read(mailbox)
    bob.person.refresh_from_db()
    assert bob.person.suppressed_at is not None
    assert Suppression.objects.get().reason == SuppressionReason.COMPLAINT
    assert campaign.enrolments.get().state == EnrolmentState.OPTED_OUT


def test_a_report_about_nobodys_mail_changes_nothing(world: MailWorld, mailbox: Account) -> None:
    """A report that anybody may write names an address we never wrote to from here."""
    [bob] = people(1)
    other = make_mailbox(world)
    taken = send(world, other, bob)
    forged = taken.content.replace(taken.message_id.encode(), b"0" * 32 + b"@ours.test")
    world.report(type(taken)(mailbox.handle, bob.handle, forged), "5.1.1", "550 5.1.1 user unknown")
    read(mailbox)
    bob.refresh_from_db()
    assert (bob.bounced_at, Suppression.objects.count()) == (None, 0)


def test_an_unclear_mail_is_proved_by_its_answer(world: MailWorld, mailbox: Account) -> None:
    world.files_sent = False
    [bob] = people(1)
    taken = send(world, mailbox, bob)
    Message.objects.all().delete()
    Task.objects.filter(kind=ActionKind.EMAIL).update(
        state=TaskState.UNKNOWN, reason=Reason.PARKED, finished_at=None, due_at=None
    )
    world.reply(taken, "Yes please")
    read(mailbox)
    assert Task.objects.get(kind=ActionKind.EMAIL).state == TaskState.COMPLETED
    assert list(Message.objects.order_by("id").values_list("direction", flat=True)) == ["out", "in"]


def test_the_first_mail_needs_a_subject(world: MailWorld, mailbox: Account) -> None:
    steps = [StepSpec(StepKind.EMAIL, variants=(VariantSpec("Hello"),))]
    with pytest.raises(ValidationError, match="subject"):
        campaigns.create_campaign(name="Bare", network="email", steps=steps, accounts=[mailbox], by="test")


def test_a_mailing_does_not_start_without_a_public_address(
    world: MailWorld, mailbox: Account, settings: Any
) -> None:
    settings.PUBLIC_URL = ""
    with pytest.raises(ValidationError, match="PUBLIC_URL"):
        start_campaign(mailbox, people(1))


def test_reports_count_from_when_they_come(world: MailWorld, mailbox: Account) -> None:
    """A report may bear any date; a forged old one must not slip past the count."""
    [bob] = people(1)
    world.report(send(world, mailbox, bob), "5.2.2", "552 5.2.2 mailbox full")
    read(mailbox)
    assert Message.objects.get(direction="in").sent_at > clock.database_now() - timedelta(minutes=1)


@pytest.mark.parametrize("detail", ["", "+Sent"])
def test_a_copy_for_ourselves_that_comes_back_is_no_bounce_of_the_recipient(
    world: MailWorld, mailbox: Account, detail: str
) -> None:
    """Mail servers file copies of what we send; one that cannot be filed is reported to us in the same words."""
    [bob] = people(1)
    taken = send(world, mailbox, bob)
    copy = mailbox.handle.replace("@", f"{detail}@")
    world.report(replace(taken, recipient=copy), "5.1.1", "550 5.1.1 user unknown")
    read(mailbox)
    assert not Suppression.objects.exists()
    assert not Message.objects.exclude(notice="").exists()


def test_a_colleague_who_is_gone_is_a_bounce(world: MailWorld, mailbox: Account) -> None:
    colleague = make_profile("colleague@ours.test", network="email")
    world.report(send(world, mailbox, colleague), "5.1.1", "550 5.1.1 user unknown")
    read(mailbox)
    assert Suppression.objects.get().address == "colleague@ours.test"
