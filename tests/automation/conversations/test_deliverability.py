"""A campaign or a mailbox whose mail comes back too often stops by itself, says why, and goes on when allowed."""

from __future__ import annotations

import pytest

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import services as campaigns
from automation.conversations import deliverability
from automation.enums import CampaignStatus, Reason
from automation.models import Hold, Message
from tests.automation.conversations.mailing import people, read, start_campaign
from tests.channels.email.world import MailWorld

pytestmark = pytest.mark.django_db(transaction=True)


def test_too_many_bounces_stop_the_campaign_and_the_mailbox(world: MailWorld, mailbox: Account) -> None:
    campaign = start_campaign(mailbox, people(52))
    first = len(world.smtp.taken) - 52
    for taken in world.smtp.taken[first : first + 2]:
        world.report(taken, "5.1.1", "550 5.1.1 user unknown")
    read(mailbox)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.RUNNING
    world.report(world.smtp.taken[first + 2], "5.2.2", "552 5.2.2 mailbox full")
    read(mailbox)

    campaign.refresh_from_db()
    assert (campaign.status, "3 of 52 mails came back" in campaign.status_reason) == (
        CampaignStatus.PAUSED,
        True,
    )
    hold = Hold.objects.get(lane_id=mailbox.pk, reason=Reason.DELIVERABILITY)
    assert (hold.kind, hold.until, "3 of 52" in hold.detail) == (ActionKind.EMAIL, None, True)

    world.reply(world.smtp.taken[-1], "Yes please")
    read(mailbox)  # a stopped mailbox goes on reading
    assert Message.objects.filter(direction="in", notice="").count() == 1

    deliverability.allow_again(account=mailbox, by="test")
    assert not Hold.objects.filter(lane_id=mailbox.pk, reason=Reason.DELIVERABILITY).exists()
    assert deliverability.of_account(mailbox).verdict == ""
    campaigns.resume(campaign=campaign, by="test")
    assert (campaign.status_reason, deliverability.of_campaign(campaign).sent) == ("", 0)


def test_one_complaint_in_fifty_stops_it(world: MailWorld, mailbox: Account) -> None:
    campaign = start_campaign(mailbox, people(50))
    world.complaint(world.smtp.taken[-1])
    read(mailbox)
    campaign.refresh_from_db()
    assert "marked as spam" in campaign.status_reason


def test_few_mails_say_nothing(world: MailWorld, mailbox: Account) -> None:
    campaign = start_campaign(mailbox, people(3))
    world.report(world.smtp.taken[-1], "5.1.1", "550 5.1.1 user unknown")
    read(mailbox)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.RUNNING
