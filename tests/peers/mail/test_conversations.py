"""Mail through the whole of Outreach by way of Postfix and Dovecot."""

from __future__ import annotations

import email
import time
from collections.abc import Callable
from email import policy
from itertools import count
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.conversations import answering, labels
from automation.conversations.watching import Watcher
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import Interest, NoticeKind, Reason, TaskState
from automation.models import Conversation, Lane, Message, Task
from automation.onboarding import connecting
from automation.onboarding.connecting import Wanted
from leads.enums import SuppressionReason
from leads.models import Profile, Suppression
from outreach.lib import clock
from tests.automation.conftest import run_lanes
from tests.automation.conversations.mailing import make_mailbox, read
from tests.factories import make_profile
from tests.peers.mail.server import Postoffice

pytestmark = [pytest.mark.peers, pytest.mark.django_db(transaction=True)]
_numbers = count(1)


@pytest.fixture(autouse=True)
def engine(settings: Any) -> dict[str, Any]:
    settings.ENGINE = {**settings.ENGINE, "retry_base_seconds": 0.01, "rate_cap": 0}
    return settings.ENGINE


@pytest.fixture
def mailbox(post: Postoffice, address: str) -> Account:
    return make_mailbox(post)


@pytest.fixture
def bob(person: str) -> Profile:
    return make_profile(person, network="email")


def send(account: Account, profile: Profile, text: str = "Hello") -> Task:
    """One mail, as far as it goes at once."""
    wanted = NewTask(
        account_id=account.pk, kind=ActionKind.EMAIL, profile=profile, dedupe_key=f"peer-{next(_numbers)}",
        payload={"text": text, "subject": "A question"},
    )  # fmt: skip
    task = tasks.add(wanted)
    run_lanes()
    task.refresh_from_db()
    return task


def run_what_waits() -> None:
    """As if the time until the next try had passed."""
    Task.objects.pending().filter(kind=ActionKind.EMAIL).update(due_at=Now())
    Lane.objects.update(next_at=Now())
    run_lanes()


def answers(post: Postoffice, sender: str, arrived: bytes, text: str) -> None:
    """The recipient answers what they got."""
    got = email.message_from_bytes(arrived, policy=policy.default)
    words = f"{text}\r\n\r\nOn Mon, 3 Nov 2025 at 10:00, Ann wrote:\r\n> Hello\r\n"
    post.writes(
        sender,
        str(got["From"].addresses[0].addr_spec),
        words,
        Subject=f"Re: {got['Subject']}",
        In_Reply_To=got["Message-ID"],
    )


def test_a_mailbox_is_connected_by_what_its_owner_types(post: Postoffice, address: str) -> None:
    account = connecting.connect(Wanted("email", address, secret=post.secret(address)), by="test")
    assert account.status in (AccountStatus.ACTIVE, AccountStatus.WARMING_UP)
    wrong = post.secret(address, imap_password="no")
    with pytest.raises(ValidationError, match="AUTHENTICATIONFAILED"):
        connecting.reconnect(account, wrong, by="test")


def test_talk_goes_to_and_fro_in_one_thread(post: Postoffice, mailbox: Account, bob: Profile) -> None:
    task = send(mailbox, bob)
    answers(post, bob.handle, post.wait_for(bob.handle)[0], "Yes, tell me more!")
    post.wait_for(mailbox.handle)
    read(mailbox)
    talk = Conversation.objects.get()
    assert (talk.profile, talk.interest) == (bob, Interest.INTERESTED)

    answering.reply(conversation=talk, text="Great!", by="test")
    run_lanes()
    [first, second] = [email.message_from_bytes(one) for one in post.wait_for(bob.handle, 2)]
    assert task.send_id.hex in first["Message-ID"]
    assert second["In-Reply-To"] == Message.objects.get(direction="in").remote_id.join("<>")
    assert second["Subject"] == "Re: A question"


def test_a_no_by_mail_is_the_last_word(post: Postoffice, mailbox: Account, bob: Profile) -> None:
    send(mailbox, bob)
    answers(post, bob.handle, post.wait_for(bob.handle)[0], "Please unsubscribe me")
    post.wait_for(mailbox.handle)
    read(mailbox)
    assert send(mailbox, bob, "Once more").state == TaskState.CANCELLED
    assert len(post.inbox(bob.handle)) == 1


def test_greylisted_mail_waits_and_arrives_once(post: Postoffice, mailbox: Account, address: str) -> None:
    handle = f"gus-{address.partition('@')[0]}@grey.test"
    post.add(handle)
    task = send(mailbox, make_profile(handle, network="email"))
    assert (task.state, "Greylisted" in task.detail) == (TaskState.PENDING, True)
    assert task.due_at is not None
    assert 200 < (task.due_at - clock.database_now()).total_seconds() <= 330
    time.sleep(post.greylist.seconds + 0.1)
    run_what_waits()
    run_what_waits()
    task.refresh_from_db()
    assert task.state == TaskState.COMPLETED
    post.wait_for(handle)
    assert len(post.inbox(handle)) == 1


@pytest.mark.parametrize(
    ("name", "reason", "suppressed"),
    [("nobody", Reason.NOT_FOUND, True), ("full", Reason.REFUSED, False), ("closed", Reason.REFUSED, False)],
)
def test_a_refused_recipient_is_suppressed_when_there_is_no_such_address(
    mailbox: Account, name: str, reason: str, suppressed: bool
) -> None:
    profile = make_profile(f"{name}@refused.test", network="email")
    task = send(mailbox, profile)
    assert (task.state, task.reason) == (TaskState.FAILED, reason)
    wanted = [SuppressionReason.HARD_BOUNCE] if suppressed else []
    assert list(Suppression.objects.filter(address=profile.handle).values_list("reason", flat=True)) == wanted


def test_a_refused_sender_costs_nobody_their_mail(post: Postoffice, mailbox: Account, bob: Profile) -> None:
    """Postfix lets nobody write as another; the account stops, the mail waits, and nobody is taken for gone."""
    post.add("lapsed@ours.test")
    lapsed = post.secret("lapsed@ours.test")
    Account.objects.filter(pk=mailbox.pk).update(handle="lapsed@ours.test")
    mailbox.credential.secret = lapsed
    mailbox.credential.save()
    task = send(mailbox, bob)
    mailbox.refresh_from_db()
    assert (task.state, mailbox.status) == (TaskState.PENDING, AccountStatus.ERROR)
    assert "does not let this account send" in mailbox.status_reason
    assert not Suppression.objects.exists()


def test_reports_draw_their_consequences(post: Postoffice, mailbox: Account, address: str) -> None:
    full = f"full-{address.partition('@')[0]}@people.test"
    post.add(full, quota="*:storage=1B")
    for handle in ("nobody@people.test", full, "group@blocked.test", "bob@down.test"):
        send(mailbox, make_profile(handle, network="email"))
    post.wait_for(mailbox.handle, 5, seconds=40.0)
    read(mailbox)
    found = Message.objects.exclude(notice="").values_list("conversation__profile__handle", "notice")
    assert sorted(found) == sorted(
        [
            ("nobody@people.test", NoticeKind.HARD), (full, NoticeKind.SOFT), ("group@blocked.test", NoticeKind.BLOCKED),
            ("bob@down.test", NoticeKind.DELAYED), ("bob@down.test", NoticeKind.EXPIRED),
        ]
    )  # fmt: skip
    assert list(Suppression.objects.values_list("address", flat=True)) == ["nobody@people.test"]


def test_what_arrives_is_read_at_once(post: Postoffice, mailbox: Account, bob: Profile) -> None:
    send(mailbox, bob)
    watcher = Watcher()
    try:
        _turn(watcher, lambda: mailbox.pk in watcher.places and watcher.places[mailbox.pk].idle is not None)
        run_lanes()
        answers(post, bob.handle, post.wait_for(bob.handle)[0], "Yes please")
        reads = Task.objects.filter(lane_id=mailbox.pk, kind=ActionKind.FETCH_INBOX)
        _turn(watcher, lambda: reads.filter(due_at__lte=clock.database_now()).exists())
    finally:
        watcher.close()
    run_lanes()
    assert Message.objects.filter(direction="in", automatic=False).count() == 1


def _turn(watcher: Watcher, true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < ends, "It did not happen in time."
        watcher.looked_at = float("-inf")
        watcher.turn(0.1)


def test_labels_go_both_ways(post: Postoffice, mailbox: Account, bob: Profile) -> None:
    send(mailbox, bob)
    answers(post, bob.handle, post.wait_for(bob.handle)[0], "Yes please")
    post.wait_for(mailbox.handle)
    read(mailbox)
    talk = Conversation.objects.select_related("account").get()
    labels.set_labels(conversation=talk, names=["Hot lead"], by="test")
    run_lanes()
    read(mailbox)
    with post.program(mailbox.handle) as box:
        assert b"Hot_lead" in box.fetch("1", "(FLAGS)")[1][0]
        box.store("1", "-FLAGS", "(Hot_lead)")
        box.store("1", "+FLAGS", "(Later)")
    read(mailbox)
    talk.refresh_from_db()
    assert talk.labels == ["Later"]
