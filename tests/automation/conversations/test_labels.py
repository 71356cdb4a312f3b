"""Labels of conversations by mail: set here and seen in the mailbox, set there and seen here, with a real IMAP server."""

from __future__ import annotations

import imaplib

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Refused
from automation.channels.email import labels as keywords
from automation.conversations import labels
from automation.enums import TaskState
from automation.models import Conversation, Task
from monitoring.models import Event
from tests.automation.conftest import run_lanes
from tests.automation.conversations.mailing import people, read, send
from tests.channels.email.world import MailWorld
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db(transaction=True)


class Program:
    """A person's mail program, signed in to one of our mailboxes; no code of ours."""

    def __init__(self, world: MailWorld, account: Account) -> None:
        self._box = imaplib.IMAP4("127.0.0.1", world.imap.port)
        self._box.login(account.handle, world.users[account.handle])
        self._box.select("INBOX")

    def flags(self) -> list[set[str]]:
        """The keywords of each message."""
        self._box.select("INBOX")
        _, found = self._box.fetch("1:*", "(FLAGS)")
        rows = [row.decode().partition("FLAGS (")[2].partition(")")[0].split() for row in found if row]
        return [{flag for flag in row if not flag.startswith("\\")} for row in rows]

    def store(self, number: int, sign: str, *flags: str) -> None:
        self._box.store(str(number), f"{sign}FLAGS", f"({' '.join(flags)})")

    def close(self) -> None:
        self._box.logout()


@pytest.fixture
def talk(world: MailWorld, mailbox: Account) -> Conversation:
    """A conversation in which Bob has answered."""
    [bob] = people(1)
    world.reply(send(world, mailbox, bob), "Yes, tell me more!")
    read(mailbox)
    return Conversation.objects.select_related("account").get()


@pytest.fixture
def program(world: MailWorld, mailbox: Account, talk: Conversation) -> Program:
    return Program(world, mailbox)


def labels_of(talk: Conversation) -> list[str]:
    return list(Conversation.objects.get(pk=talk.pk).labels)


def test_a_label_set_here_is_seen_in_the_mailbox(talk: Conversation, program: Program) -> None:
    labels.set_labels(conversation=talk, names=["Hot lead", "Berlin"], by="ann")
    run_lanes()
    assert program.flags() == [{"Hot_lead", "Berlin"}]
    labels.set_labels(conversation=talk, names=["Berlin"], by="ann")
    run_lanes()
    assert program.flags() == [{"Berlin"}]


def test_a_label_set_in_the_mailbox_is_seen_here_and_its_end_too(
    talk: Conversation, mailbox: Account, program: Program
) -> None:
    program.store(1, "+", "Later", "$Forwarded", "NonJunk")
    read(mailbox)
    assert labels_of(talk) == ["Later"]
    event = Event.objects.get(name="conversation.labelled")
    assert (event.by, event.data["added"]) == ("mailbox", ["Later"])
    program.store(1, "-", "Later")
    read(mailbox)
    assert labels_of(talk) == []
    assert program.flags() == [{"$Forwarded", "NonJunk"}]
    assert not Task.objects.filter(kind=ActionKind.SET_LABELS).exists(), "nothing had to be said back"


def test_changes_on_both_sides_meet(talk: Conversation, mailbox: Account, program: Program) -> None:
    labels.set_labels(conversation=talk, names=["Ours", "Gone there"], by="ann")
    run_lanes()
    program.store(1, "-", "Gone_there")
    program.store(1, "+", "Theirs")
    labels.set_labels(conversation=talk, names=["Ours", "Gone there", "New here"], by="ann")
    run_lanes()
    read(mailbox)
    assert labels_of(talk) == ["New here", "Ours", "Theirs"]
    assert program.flags() == [{"New_here", "Ours", "Theirs"}]


def test_a_change_that_was_lost_is_sent_again_at_the_next_look(
    talk: Conversation, mailbox: Account, program: Program
) -> None:
    labels.set_labels(conversation=talk, names=["Hot"], by="ann")
    Task.objects.filter(kind=ActionKind.SET_LABELS).delete()
    read(mailbox)
    assert program.flags() == [{"Hot"}]
    assert labels_of(talk) == ["Hot"]


def test_an_answer_without_a_label_and_an_archived_mail_take_none_away(
    world: MailWorld, talk: Conversation, mailbox: Account, program: Program
) -> None:
    labels.set_labels(conversation=talk, names=["Hot"], by="ann")
    run_lanes()
    world.reply(world.smtp.taken[-1], "One more thing")
    program.store(1, "+", "\\Deleted")
    program._box.expunge()
    read(mailbox)
    assert labels_of(talk) == ["Hot"]


def test_a_label_beyond_ascii_keeps_its_name_here(
    talk: Conversation, mailbox: Account, program: Program
) -> None:
    labels.set_labels(conversation=talk, names=["Büro Köln"], by="ann")
    run_lanes()
    read(mailbox)
    assert program.flags() == [{"Bro_Kln"}]
    assert labels_of(talk) == ["Büro Köln"]


def test_a_mailbox_that_keeps_no_labels_is_left_in_peace(
    talk: Conversation, mailbox: Account, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Refused("This mail server keeps no labels of its users.")

    monkeypatch.setattr(keywords, "write", refuse)
    labels.set_labels(conversation=talk, names=["Hot"], by="ann")
    run_lanes()
    read(mailbox)
    assert Task.objects.get(kind=ActionKind.SET_LABELS).state == TaskState.FAILED
    assert (labels_of(talk), program.flags()) == (["Hot"], [set()])


@pytest.mark.parametrize("names", [[""], ["x" * 65], ["a\0b"], [f"label {n}" for n in range(21)]])
def test_what_is_no_label_is_refused(talk: Conversation, names: list[str]) -> None:
    with pytest.raises(ValidationError):
        labels.set_labels(conversation=talk, names=names, by="ann")
    assert labels_of(talk) == []


def test_labels_differ_by_more_than_case_and_blanks(talk: Conversation) -> None:
    labels.set_labels(conversation=talk, names=["  Hot   lead", "hot lead", "Cold"], by="ann")
    assert labels_of(talk) == ["Cold", "Hot lead"]


def test_labels_on_a_network_without_a_mailbox_stay_here(talk: Conversation) -> None:
    other = make_conversation()
    labels.set_labels(conversation=other, names=["Hot"], by="ann")
    assert labels_of(other) == ["Hot"]
    assert not Task.objects.filter(kind=ActionKind.SET_LABELS).exists()


def test_a_look_at_many_labels_takes_few_queries(talk: Conversation, mailbox: Account) -> None:
    remote_id = talk.messages.get(direction="in").remote_id
    for others in (0, 200):
        found = {remote_id: ("Hot",), **{f"other-{number}@x": ("Cold",) for number in range(others)}}
        labels.take(mailbox, found)
        run_lanes()
        with CaptureQueriesContext(connection) as queries:
            labels.take(mailbox, found)
        assert len(queries) <= 5


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            rb'1 (X-GM-LABELS ("\\\\Important" "Hot lead" Plain "a \"b\" c" "B&APw-ro") UID 5 BODY',
            ("Büro", "Hot lead", "Plain", 'a "b" c'),
        ),
        (rb"1 (X-GM-LABELS () UID 5 BODY", ()),
        (rb'1 (UID 7 X-GM-LABELS ("\\\\Inbox") BODY', ()),
        (rb"1 (UID 7 BODY", ()),
    ],
)  # fmt: skip
def test_gmails_labels_are_read_as_it_documents_them(line: bytes, found: tuple[str, ...]) -> None:
    assert keywords._gmail_labels(line) == found
