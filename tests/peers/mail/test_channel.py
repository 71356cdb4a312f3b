"""The driver at Postfix and Dovecot: sending, proving, reading, waiting and labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from selectors import EVENT_READ, DefaultSelector

import pytest

from automation.channels.base import AuthFailed, Labelling, NotFound, Proof, Refused, TryLater
from automation.channels.email.channel import EmailChannel
from automation.channels.email.idle import Idle
from tests.channels.contract import read_inbox
from tests.channels.email.conftest import mail
from tests.peers.mail.server import Postoffice

pytestmark = pytest.mark.peers
Open = Callable[..., EmailChannel]
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def id_of(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0].decode().casefold()
    return head.partition("\nmessage-id: <")[2].partition(">")[0]


# --- Sending -----------------------------------------------------------------------------------------------------------


def test_the_message_id_is_kept_and_proves_the_mail(
    post: Postoffice, channel: EmailChannel, address: str, person: str
) -> None:
    wanted = mail(handle=person, started_at=LONG_AGO)
    assert channel.reconcile(wanted).proof is Proof.NONE
    done = channel.message(wanted)
    [arrived] = post.wait_for(person)
    assert id_of(arrived) == done.remote_id
    post.wait_for(address, folder="Outgoing")
    assert channel.reconcile(wanted).done.remote_id == done.remote_id


def test_greylisted_mail_is_put_off_and_then_sent_once(
    post: Postoffice, channel: EmailChannel, address: str
) -> None:
    grey = f"gus-{address.partition('@')[0]}@grey.test"
    post.add(grey)
    wanted = mail(handle=grey)
    with pytest.raises(TryLater, match="Greylisted") as caught:
        channel.message(wanted)
    assert (caught.value.retry_after, caught.value.rate_limited) == (300.0, False)
    time.sleep(post.greylist.seconds + 0.1)
    channel.message(wanted)
    channel.message(mail(handle=grey, subject="The one after"))
    assert len(post.wait_for(grey, 2)) == 2


@pytest.mark.parametrize(
    ("recipient", "kind"), [("nobody", NotFound), ("full", Refused), ("closed", Refused)]
)  # fmt: skip
def test_what_is_refused_when_the_recipient_is_named(
    channel: EmailChannel, recipient: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="Recipient address rejected"):
        channel.message(mail(handle=f"{recipient}@refused.test"))


@pytest.mark.parametrize("sender", ["lapsed@ours.test", "barred@ours.test", "borrowed@ours.test"])
def test_what_is_refused_about_the_sender_is_no_fault_of_the_recipient(
    post: Postoffice, opened: Open, address: str, person: str, sender: str
) -> None:
    """Postfix says so only once the recipient is named, and would say it of everybody."""
    post.add(sender)
    other = {"username": address, "password": post.secrets[address]} if sender.startswith("borrowed") else {}
    with pytest.raises(AuthFailed, match="does not let this account send"):
        opened(sender, **other).message(mail(handle=person))


def test_many_refusals_do_not_slow_the_mails_behind_them(channel: EmailChannel, person: str) -> None:
    began = time.monotonic()
    for _ in range(14):
        with pytest.raises(NotFound):
            channel.message(mail(handle="nobody@refused.test"))
    channel.message(mail(handle=person))
    assert time.monotonic() - began < 8.0  # in one connection Postfix takes 3 s for each from the tenth on


# --- Reading -----------------------------------------------------------------------------------------------------------


def test_mail_is_read_in_order_and_once_after_an_outage(
    post: Postoffice, channel: EmailChannel, address: str
) -> None:
    _, cursor = read_inbox(channel)
    sent = [post.writes("bob@people.test", address, f"Number {number}") for number in range(3)]
    post.wait_for(address, 3)
    post.imap_down()
    with pytest.raises(TryLater):
        channel.inbox(cursor)
    late = post.writes("bob@people.test", address, "Written in the outage")
    post.imap_up()
    post.wait_for(address, 4)
    found, after = read_inbox(channel, cursor)
    assert sorted(one.remote_id for one in found) == sorted([*sent, late])
    assert found[-1].remote_id == late
    assert read_inbox(channel, after) == ([], after)


def test_a_mailbox_numbered_anew_is_read_again(post: Postoffice, channel: EmailChannel, address: str) -> None:
    _, cursor = read_inbox(channel)
    first = post.writes("bob@people.test", address, "One")
    post.wait_for(address, 1)
    found, cursor = read_inbox(channel, cursor)
    assert [one.remote_id for one in found] == [first]
    post.renumber(address)
    second = post.writes("bob@people.test", address, "Two")
    post.wait_for(address, 2)
    found, after = read_inbox(channel, cursor)
    assert after.partition(".")[0] != cursor.partition(".")[0]
    assert [one.remote_id for one in found] == [first, second]
    assert read_inbox(channel, after) == ([], after)


def test_vacation_is_a_machines_answer(post: Postoffice, channel: EmailChannel, address: str) -> None:
    away = f"away-{address.partition('@')[0]}@people.test"
    post.add(
        away, sieve='require ["vacation"];\nvacation :subject "Gone fishing" "I am on leave until Monday.";\n'
    )
    _, cursor = read_inbox(channel)
    done = channel.message(mail(handle=away))
    post.wait_for(address)
    [answer], _ = read_inbox(channel, cursor)
    assert (answer.handle, answer.automatic, answer.notice) == (away, True, None)
    assert answer.references[0] == done.remote_id
    assert "on leave" in answer.text


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_wakes_who_waits(post: Postoffice, address: str, security: str) -> None:
    port = post.ports.imap if security == "starttls" else post.ports.imaps
    idle = Idle(post.login(address, imap_security=security, imap_port=str(port)))
    with DefaultSelector() as selector:
        selector.register(idle, EVENT_READ)
        assert not selector.select(0.5)
        post.writes("bob@people.test", address, "Now")
        began = time.monotonic()
        while not (selector.select(5.0) and idle.heard()):
            assert time.monotonic() - began < 10.0
    idle.close()


# --- Labels ------------------------------------------------------------------------------------------------------------


def test_labels_are_keywords_both_ways(post: Postoffice, channel: EmailChannel, address: str) -> None:
    _, cursor = read_inbox(channel)
    one = post.writes("bob@people.test", address, "One")
    post.wait_for(address)
    assert channel.inbox(cursor).labels == {one: ()}
    channel.set_labels(Labelling((one,), add=("Hot lead",)))
    assert channel.inbox(cursor).labels == {one: ("Hot lead",)}
    with post.program(address) as box:
        assert b"Hot_lead" in box.fetch("1", "(FLAGS)")[1][0]
        box.store("1", "-FLAGS", "(Hot_lead)")
        box.store("1", "+FLAGS", "(Later $Forwarded)")
    assert channel.inbox(cursor).labels == {one: ("Later",)}
