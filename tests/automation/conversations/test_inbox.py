"""The chain of inbox reads, on the sandbox network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.conversations import inbox, services
from automation.enums import TaskState
from automation.models import InboxCursor, Message, Task
from leads.models import Person, Profile
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
READS = {"kind": ActionKind.FETCH_INBOX}


def waiting() -> int:
    return Task.objects.pending().filter(**READS).count()


def test_each_read_keeps_messages_and_cursor_and_writes_the_next(
    account: Account, somebody: Somebody, control: Control
) -> None:
    profile = somebody()
    inbox.poll(account)
    inbox.poll(account)
    assert waiting() == 1
    control.say(profile.handle, "What is this?", account=account.handle)
    run_lanes()
    cursor = InboxCursor.objects.get(account=account)
    assert (Message.objects.get().text, bool(cursor.cursor), waiting()) == ("What is this?", True, 1)
    following = Task.objects.pending().get(**READS)
    assert following.payload["since"] == cursor.cursor
    assert following.due_at > cursor.polled_at


def test_a_no_in_the_inbox_reaches_the_person(account: Account, somebody: Somebody, control: Control) -> None:
    profile = somebody()
    control.opt_out(profile.handle, account=account.handle)
    inbox.poll(account)
    run_lanes()
    assert Person.objects.get(pk=profile.person_id).suppressed_at is not None


def test_a_broken_handler_keeps_neither_messages_nor_cursor_and_the_page_is_read_again(
    account: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = somebody()
    control.say(profile.handle, "What is this?", account=account.handle)
    keep = services._act_on

    def break_down(*_: Any) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(services, "_act_on", break_down)
    inbox.poll(account)
    run_lanes()
    read = Task.objects.get(**READS)
    assert (read.state, read.detail) == (TaskState.COMPLETED, "Follow-up failed: RuntimeError: bug")
    assert (Message.objects.count(), InboxCursor.objects.get().cursor, waiting()) == (0, "", 0)
    monkeypatch.setattr(services, "_act_on", keep)
    assert inbox.poll_idle_inboxes() == 1
    run_lanes()
    assert Message.objects.get().text == "What is this?"


def test_idle_inboxes_of_working_accounts_are_read_again(ours: Callable[..., Account]) -> None:
    working, _paused, reading = ours(), ours(status=AccountStatus.PAUSED), ours()
    inbox.poll(reading)
    assert inbox.poll_idle_inboxes() == 1
    assert set(Task.objects.filter(**READS).values_list("lane_id", flat=True)) == {working.pk, reading.pk}
    assert inbox.poll_idle_inboxes() == 0


def test_two_chains_of_reads_become_one(account: Account) -> None:
    inbox._write(account.pk, 0.0)
    inbox._write(account.pk, 0.0)
    assert waiting() == 2
    run_lanes()
    assert waiting() == 1
