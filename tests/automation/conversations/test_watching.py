"""Mail that arrives is read at once where somebody waits for it, and by the clock where nobody can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.conversations import attention, inbox
from automation.conversations.watching import Watcher, mailboxes, watch
from automation.models import Lane, Message, Task
from outreach.lib import clock
from tests.automation.conftest import run_lanes
from tests.automation.conversations.mailing import make_mailbox, people, send
from tests.channels.email.world import MailWorld
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    found = Watcher()
    yield found
    found.close()


def turns(watcher: Watcher, true: Callable[[], bool], *, within: float = 10.0) -> bool:
    """Let the watcher work until ``true()``; false when it did not become so in time."""
    ends = time.monotonic() + within
    while not true():
        if time.monotonic() > ends:
            return False
        watcher.looked_at = float("-inf")
        watcher.turn(0.1)
    return True


def is_due(account: Account) -> bool:
    reads = Task.objects.filter(
        lane_id=account.pk, kind=ActionKind.FETCH_INBOX, due_at__lte=clock.database_now()
    )
    return reads.exists()


def waits(watcher: Watcher, account: Account) -> Callable[[], bool]:
    return lambda: account.pk in watcher.places and watcher.places[account.pk].idle is not None


def test_mail_is_read_within_a_moment(world: MailWorld, mailbox: Account, watcher: Watcher) -> None:
    taken = send(world, mailbox, people(1)[0])
    assert turns(watcher, waits(watcher, mailbox))
    run_lanes()  # what came before somebody waited
    assert not is_due(mailbox)

    world.reply(taken, "Yes please")
    assert turns(watcher, lambda: is_due(mailbox), within=5.0)
    run_lanes()
    assert Message.objects.filter(direction="in", automatic=False).count() == 1


def test_a_lost_connection_is_opened_again(world: MailWorld, mailbox: Account, watcher: Watcher) -> None:
    assert turns(watcher, waits(watcher, mailbox))
    world.imap.down()
    assert turns(watcher, lambda: watcher.places[mailbox.pk].idle is None)
    assert watcher.places[mailbox.pk].retry_at > time.monotonic()
    world.imap.up()
    watcher.places[mailbox.pk].retry_at = 0.0
    assert turns(watcher, waits(watcher, mailbox))


def test_accounts_that_do_not_work_are_left(world: MailWorld, mailbox: Account, watcher: Watcher) -> None:
    make_account()
    assert list(mailboxes()) == [mailbox]
    assert turns(watcher, waits(watcher, mailbox))
    Account.objects.update(status=AccountStatus.PAUSED)
    assert turns(watcher, lambda: not watcher.places)


def test_a_mailbox_that_cannot_be_waited_for_is_left_to_the_clock(world: MailWorld, watcher: Watcher) -> None:
    account = make_mailbox(world)
    account.credential.secret = {**account.credential.secret, "imap_host": ""}
    account.credential.save()
    assert turns(watcher, lambda: account.pk in watcher.places and watcher.places[account.pk].retry_at > 0)
    assert watcher.places[account.pk].idle is None


def test_a_reading_under_way_is_asked_for_again(world: MailWorld, mailbox: Account) -> None:
    assert inbox.read_soon(mailbox.pk)
    Task.objects.pending().filter(kind=ActionKind.FETCH_INBOX).update(state="running")
    assert not inbox.read_soon(mailbox.pk)


def test_reading_soon_wakes_the_lane(world: MailWorld, mailbox: Account) -> None:
    later = clock.database_now() + timedelta(hours=1)
    Lane.objects.update(next_at=later)
    inbox.read_soon(mailbox.pk)
    assert Lane.objects.get(pk=mailbox.pk).next_at < later


def test_it_is_wanted_where_mailboxes_are_read(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path
    assert not attention.is_wanted()
    watch(lambda: True)  # ends by itself: nobody wants it
    attention.want()
    assert attention.is_wanted()
