"""Too much mail that comes back ruins a sender's name: a campaign or an account that causes it stops by itself.

The thresholds are those large providers give senders: 5 % bounces, 0.1 % complaints. Only what was sent since somebody
last allowed it counts, a week at most for an account. A stopped account goes on reading, so that no no is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import services as campaigns
from automation.engine import lanes
from automation.enums import BOUNCES, CampaignStatus, NoticeKind, Reason, TaskState
from automation.models import Campaign, Hold, InboxCursor, Message, Task
from outreach.lib import clock, events
from outreach.lib.actors import Actor

BY = "deliverability"
ENOUGH = 50  # mails before a share says anything
MOST_BOUNCES = 0.05
MOST_COMPLAINTS = 0.001
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Standing:
    """How mail fared: ``sent``, and how many of it came back or were marked as spam."""

    sent: int
    bounced: int
    complaints: int

    @property
    def verdict(self) -> str:
        """Why it has to stop, as a sentence; empty while all is well."""
        if self.sent < ENOUGH:
            return ""
        if self.bounced / self.sent >= MOST_BOUNCES:
            share = f"{self.bounced / self.sent:.1%}; less than {MOST_BOUNCES:.0%} is well"
            return f"{self.bounced} of {self.sent} mails came back ({share})."
        if self.complaints / self.sent >= MOST_COMPLAINTS:
            share = f"{self.complaints / self.sent:.2%}; less than {MOST_COMPLAINTS:.1%} is well"
            return f"{self.complaints} of {self.sent} mails were marked as spam ({share})."
        return ""


def judge(task: Task) -> None:
    """Stop the campaign or the account of a mail that came back, if that was one too many; each with its reason."""
    if task.campaign is not None and task.campaign.status == CampaignStatus.RUNNING:
        _judge_campaign(task.campaign)
    account = task.lane.account
    verdict = of_account(account).verdict
    if verdict and not is_stopped(account):
        lanes.hold(
            account.pk, kind=ActionKind.EMAIL, reason=Reason.DELIVERABILITY, until=None, detail=verdict
        )
        events.emit("account.mail_stopped", model="accounts.account", ids=[account.pk], by=BY, reason=verdict)


def _judge_campaign(campaign: Campaign) -> None:
    # A task loaded a while ago may not know what became of its campaign meanwhile.
    running = Campaign.objects.select_for_update(no_key=True).filter(
        pk=campaign.pk, status=CampaignStatus.RUNNING
    )
    locked = running.first()
    verdict = of_campaign(locked).verdict if locked else ""
    if locked and verdict:
        campaigns.pause(campaign=locked, by=BY, reason=verdict)


def of_campaign(campaign: Campaign) -> Standing:
    """How the campaign's mail fared since it was last started or resumed."""
    since = campaign.status_changed_at or campaign.started_at or campaign.created_at
    tasks = Task.objects.filter(campaign=campaign)
    return _standing(tasks, Message.objects.filter(enrolment__campaign=campaign), since)


def of_account(account: Account) -> Standing:
    """How the account's mail fared in the last week, or since somebody allowed it to go on."""
    since = clock.database_now() - WEEK
    allowed = InboxCursor.objects.filter(account=account).values_list("judged_from", flat=True).first()
    tasks = Task.objects.filter(lane_id=account.pk)
    return _standing(
        tasks, Message.objects.filter(conversation__account=account), max(since, allowed or since)
    )


def _standing(tasks: Any, messages: Any, since: datetime) -> Standing:
    went = Q(state=TaskState.COMPLETED) | Q(state=TaskState.FAILED, reason=Reason.NOT_FOUND)
    sent = tasks.filter(went, kind=ActionKind.EMAIL, finished_at__gte=since).count()
    reported = messages.filter(sent_at__gte=since).exclude(notice="")
    return Standing(
        sent=sent,
        bounced=reported.filter(notice__in=BOUNCES).values("conversation").distinct().count(),
        complaints=reported.filter(notice=NoticeKind.COMPLAINT).values("conversation").distinct().count(),
    )


def is_stopped(account: Account) -> bool:
    """Whether the account's mail is stopped for its deliverability."""
    return Hold.objects.filter(lane_id=account.pk, reason=Reason.DELIVERABILITY).exists()


@transaction.atomic
def allow_again(*, account: Account, by: Actor) -> None:
    """Let a stopped account send again; what came back before no longer counts."""
    InboxCursor.objects.update_or_create(account=account, defaults={"judged_from": clock.database_now()})
    lanes.lift([account.pk], reasons=[Reason.DELIVERABILITY])
    events.emit("account.mail_allowed", model="accounts.account", ids=[account.pk], by=by)
