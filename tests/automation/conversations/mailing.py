"""Accounts that are mailboxes of a world of mail, and mails from them through the real engine."""

from __future__ import annotations

from itertools import count
from typing import Any, Protocol

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import progress
from automation.campaigns import services as campaigns
from automation.campaigns.services import StepSpec, VariantSpec
from automation.conversations import inbox
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import StepKind
from automation.models import Campaign, InboxCursor, Task
from leads.models import Profile
from tests.automation.conftest import run_lanes
from tests.channels.email.smtp_server import Taken
from tests.channels.email.world import MailWorld
from tests.factories import make_account, make_lane, make_profile

_numbers = count(1)


class HasMailboxes(Protocol):
    """A world in which an address becomes a mailbox; gives the secret to sign in with."""

    def mailbox(self, address: str) -> dict[str, Any]: ...


def make_mailbox(world: HasMailboxes, **fields: object) -> Account:
    """A working mailbox whose inbox has been read once, so that what comes from now on is news."""
    handle = f"us{next(_numbers)}@ours.test"
    account = make_account(
        network="email", handle=handle, server="", secret=world.mailbox(handle), sending_gap=0.0, **fields
    )
    make_lane(account)
    InboxCursor.objects.create(account=account, interval=3600.0)
    read(account)
    return account


def read(account: Account) -> None:
    """Read the account's inbox now, to its end."""
    Task.objects.filter(lane_id=account.pk, kind=ActionKind.FETCH_INBOX).delete()
    inbox.poll(account)
    run_lanes()


def people(number: int) -> list[Profile]:
    """So many people with an address each."""
    return [make_profile(f"them{next(_numbers)}@people.test", network="email") for _ in range(number)]


def send(world: MailWorld, account: Account, profile: Profile, text: str = "Hello") -> Taken:
    """Send one mail and give what arrived."""
    before = len(world.smtp.taken)
    tasks.add(
        NewTask(
            account_id=account.pk, kind=ActionKind.EMAIL, profile=profile, dedupe_key=f"mail-{next(_numbers)}",
            payload={"text": text, "subject": "A question"},
        )
    )  # fmt: skip
    run_lanes()
    assert len(world.smtp.taken) == before + 1
    return world.smtp.taken[-1]


def start_campaign(account: Account, profiles: list[Profile], *, follow_up: bool = True) -> Campaign:
    """A running campaign of one mail and, days later, a second in its thread; the first ones are under way."""
    steps = [
        StepSpec(StepKind.EMAIL, variants=(VariantSpec("Hello {first_name}", subject="Hi {first_name}"),))
    ]
    if follow_up:
        steps.append(StepSpec(StepKind.EMAIL, delay=86_400.0, variants=(VariantSpec("Did you see it?"),)))
    campaign = campaigns.create_campaign(
        name=f"Mailing {next(_numbers)}", network="email", steps=steps, accounts=[account], by="test"
    )
    campaigns.enrol(campaign=campaign, profiles=profiles, by="test")
    campaigns.start(campaign=campaign, by="test")
    progress.begin(campaign.pk)
    run_lanes()
    campaign.refresh_from_db()
    return campaign
