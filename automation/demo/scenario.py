"""The demo's cycle: connect, discover, qualify, campaign, hand over replies, publish, measure.

It only calls the services people and programs call; the running parts do the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q, QuerySet

from accounts import services as accounts
from accounts.enums import ACTS, AccountStatus
from accounts.models import Account
from automation.campaigns import services as campaigns
from automation.campaigns.services import StepSpec, VariantSpec
from automation.channels.demo import DemoNetwork, Plan
from automation.content import services as content
from automation.conversations import answering
from automation.discovery import services as discovery
from automation.enums import EnrolmentState, Interest, LookState, PublicationState, TaskState
from automation.models import (
    Campaign,
    Conversation,
    FrontierEntry,
    InboxCursor,
    Post,
    Publication,
    QualificationRule,
    Task,
)
from automation.models.acting import TaskQuerySet
from leads.enums import Stage
from leads.models import Profile
from outreach.lib import clock

BY = "demo"
SENDING_GAP = 1.0  # seconds; a real account keeps a minute and more
INBOX_INTERVAL = 3.0
ANSWERS = 5  # interested people who are answered by hand
SOON = timedelta(seconds=120)  # a gap, a retry or a full minute ends within it; a day's limit does not
IDLE_SECONDS = 3.0  # nothing due for so long: whatever still waits, waits for tomorrow


class DemoFailed(Exception):
    """A step did not come to its end in time; the message says what was still open."""


@dataclass(slots=True)
class Run:
    """What one demo made, so that its figures count nothing else."""

    network_name: str
    plan: Plan
    accounts: list[Account] = field(default_factory=list)
    campaign: Campaign | None = None
    posts: list[Post] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        return [account.pk for account in self.accounts]

    def tasks(self) -> TaskQuerySet:
        return Task.objects.filter(lane_id__in=self.ids)

    def profiles(self) -> QuerySet[Profile]:
        return Profile.objects.filter(found_by__in=self.ids)


Say = Callable[[str, float], None]  # what is going on, and how far it has come (0 to 1)


def play(network: DemoNetwork, name: str, *, say: Say, deadline: float, alive: Callable[[], None]) -> Run:
    """Run the whole cycle; ``deadline`` is a monotonic time, ``alive()`` is called while waiting.

    Raises :class:`DemoFailed` when a step takes too long.
    """
    run = Run(name, network.plan())
    wait = Wait(say, deadline, alive)
    connect(run, network, wait)
    discover(run, wait)
    network.start_trouble()
    publish(run)
    campaign(run)
    follow_up(run, wait)
    network.calm()
    wait.until("Settling unclear outcomes", lambda: 0.0 if _unsettled(run) else 1.0)
    return run


def rest(run: Run) -> None:
    """Pause the demo's accounts: tomorrow nothing goes on by itself, and a network that is gone is not asked again."""
    for account in run.accounts:
        InboxCursor.objects.filter(account=account).update(interval=None)
        accounts.pause(account=account, by=BY, reason="The demo is over. Resume it to go on.")


@dataclass(slots=True)
class Wait:
    """Waits for something to be done, showing how far it is."""

    say: Say
    deadline: float
    alive: Callable[[], None]

    def until(self, what: str, share: Callable[[], float]) -> None:
        while (done := share()) < 1.0:
            self.say(what, done)
            self.alive()
            if time.monotonic() > self.deadline:
                raise DemoFailed(f"“{what}” was at {done:.0%} when the time was over.")
            time.sleep(0.2)
        self.say(what, 1.0)


def connect(run: Run, network: DemoNetwork, wait: Wait) -> None:
    """Connect every account; each is verified by a task on its own lane."""
    for given in network.accounts():
        account = accounts.create_account(
            network=run.network_name, handle=given.handle, server=given.server, secret=given.secret, by=BY,
            time_zone=given.time_zone, role=given.role, limits=given.limits,
        )  # fmt: skip
        accounts.update_account(account=account, by=BY, sending_gap=SENDING_GAP)
        InboxCursor.objects.update_or_create(account=account, defaults={"interval": INBOX_INTERVAL})
        run.accounts.append(account)
    chat, others = run.accounts[: run.plan.chat_accounts], run.accounts[run.plan.chat_accounts :]
    for number, account in enumerate(others):
        if chat:
            accounts.link_chat_accounts(account=account, chat_accounts=[chat[number % len(chat)]], by=BY)
    wait.until("Verifying accounts", lambda: _verified(run))


def _verified(run: Run) -> float:
    states = list(Account.objects.filter(pk__in=run.ids).values_list("status", "status_reason"))
    if refused := [reason for status, reason in states if status == AccountStatus.ERROR]:
        raise DemoFailed(f"An account was refused: {refused[0]}")
    return sum(status == AccountStatus.ACTIVE for status, _ in states) / len(states)


def discover(run: Run, wait: Wait) -> None:
    """Read every source; new profiles are fetched once and judged by the rules as they come in."""
    QualificationRule.objects.get_or_create(
        name=f"demo: {run.network_name}", network=run.network_name,
        defaults={"keywords": list(run.plan.keywords), "position": 1, "score": 80},
    )  # fmt: skip
    for number, (kind, query) in enumerate(run.plan.sources):
        account = run.accounts[number % len(run.accounts)]
        source = discovery.add_source(
            kind=kind, network=run.network_name, query=query, account=account, by=BY
        )
        discovery.run_source(source=source, by=BY)
    wait.until("Discovering and qualifying profiles", lambda: _fetched(run))


def _fetched(run: Run) -> float:
    looks = FrontierEntry.objects.filter(account__in=run.ids)
    total, left = looks.count(), looks.open().count()
    if not discovery.room_today(run.network_name):  # what still waits is for tomorrow
        left = looks.filter(state=LookState.QUEUED).count()
    return (total - left) / total if total else 0.0


def publish(run: Run) -> None:
    """Write, approve and publish the posts, spread over the accounts."""
    for number, text in enumerate(run.plan.posts):
        post = content.create_post(text=text, by=BY)
        content.submit(post=post, by=BY)
        content.approve(post=post, by=BY)
        content.schedule(post=post, account=run.accounts[number % len(run.accounts)], by=BY)
        run.posts.append(post)


def campaign(run: Run) -> None:
    """Follow, wait, write: everybody qualified, by every account but those that only chat."""
    senders = run.accounts[run.plan.chat_accounts :]
    wordings = tuple(VariantSpec(text=text, name=chr(ord("A") + n)) for n, text in enumerate(run.plan.texts))
    run.campaign = campaigns.create_campaign(
        name=f"Demo {clock.database_now():%Y-%m-%d %H:%M:%S}", network=run.network_name, accounts=senders, by=BY,
        steps=[StepSpec("follow"), StepSpec("wait", delay=2.0), StepSpec(run.plan.step, variants=wordings)],
    )  # fmt: skip
    qualified = run.profiles().filter(person__stage=Stage.QUALIFIED)
    campaigns.enrol(campaign=run.campaign, profiles=qualified, by=BY)
    campaigns.start(campaign=run.campaign, by=BY)


def follow_up(run: Run, wait: Wait) -> None:
    """Until only tomorrow's work is left: measure posts as they come out, answer some of the interested."""
    quiet_since = time.monotonic()
    measured: set[int] = set()
    answered: set[int] = set()

    def share() -> float:
        nonlocal quiet_since
        measured.update(_measure_new(run, measured))
        answered.update(_answer(run, answered))
        if due_now(run).exists() or _unmeasured(run) or _not_begun(run):
            quiet_since = time.monotonic()
        quiet = time.monotonic() - quiet_since > IDLE_SECONDS
        return 1.0 if quiet else min(0.99, _campaign_share(run))

    wait.until("Following, writing, publishing, answering", share)


def _not_begun(run: Run) -> bool:
    """People whose first task is still to be written: the campaign is begun in the background."""
    return run.campaign is not None and run.campaign.enrolments.filter(state=EnrolmentState.QUEUED).exists()


def _measure_new(run: Run, known: set[int]) -> set[int]:
    out = Publication.objects.filter(post__in=run.posts, state=PublicationState.PUBLISHED).exclude(
        pk__in=known
    )
    for publication in out:
        content.measure_now(publication=publication, by=BY)
    return {publication.pk for publication in out}


def _unmeasured(run: Run) -> bool:
    return (
        Publication.objects.filter(post__in=run.posts, metrics_at__isnull=True)
        .exclude(state=PublicationState.FAILED)
        .exists()
    )


def _answer(run: Run, answered: set[int]) -> set[int]:
    """Answer some of those who said yes, once each, through the account that talks with them now."""
    waiting = (
        Conversation.objects.filter(
            account__in=run.ids, interest=Interest.INTERESTED, person__suppressed_at__isnull=True
        )
        .exclude(pk__in=answered)
        .select_related("person", "profile", "account", "chat_account")
    )
    chosen = [one for one in waiting[: ANSWERS - len(answered)] if answering.ways(one)]
    for conversation in chosen:
        answering.reply(conversation=conversation, text=run.plan.answer, by=BY)
    return {conversation.pk for conversation in chosen}


def due_now(run: Run) -> TaskQuerySet:
    """Acts of this run that are under way or could run in a moment; what a day's limit holds back is not among them."""
    soon = clock.database_now() + SOON
    open_acts = run.tasks().filter(kind__in=ACTS).with_waiting()
    # Not "not held": without a hold its end is NULL, which is neither before nor after anything.
    free = Q(hold_reason__isnull=True) | Q(hold_until__lte=soon)
    pending = Q(state=TaskState.PENDING, due_at__lte=soon) & free
    return open_acts.filter(
        pending | Q(state=TaskState.RUNNING) | Q(state=TaskState.UNKNOWN, due_at__isnull=False)
    )


def _unsettled(run: Run) -> bool:
    return due_now(run).exists()


def _campaign_share(run: Run) -> float:
    acts = run.tasks().filter(kind__in=ACTS)
    left = due_now(run).count()
    total = acts.count()
    return (total - left) / total if total else 0.0
