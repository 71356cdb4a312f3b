"""Mail over real SMTP and IMAP: a mailing with everything that comes back (each counted right), CHECKS 6 and CHECKS 11."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from urllib.parse import urlsplit

from django.test import Client

from accounts.enums import ActionKind
from accounts.models import Account
from automation.campaigns import progress
from automation.campaigns import services as campaigns
from automation.campaigns.services import StepSpec, VariantSpec
from automation.channels.email.channel import EmailChannel
from automation.conversations import inbox
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import CampaignStatus, EnrolmentState, NoticeKind, Reason, StepKind, TaskState
from automation.models import Campaign, Hold, InboxCursor, Message, Task
from leads import unsubscribing
from leads.enums import SuppressionReason
from leads.models import Profile, Suppression
from tests.channels.email.smtp_server import Taken
from tests.channels.email.world import MailWorld
from tests.chaos import hands
from tests.chaos.harness import Result, main, patiently, wipe
from tests.factories import make_account, make_lane, make_profile

MAILBOXES = 4
NEVER = 86_400.0  # seconds; until a reading that no check waits for
BY = "check"


def check(sends: int = 200, cuts: int = 100) -> Result:
    """A mailing of ``sends``, then ``cuts`` connections that end after the final dot, then one-click opt-outs."""
    result = Result()
    for part in (cycle(sends), cut(cuts), one_click()):
        result.figures |= part.figures
        result.wrong += part.wrong
    return result


# --- A mailing and what comes back ---------------------------------------------------------------------------------
def cycle(sends: int = 200) -> Result:
    """Of ``sends`` mails a tenth is answered, a twentieth by machines, a twentieth bounces hard, a fortieth softly; a
    fortieth of the people press the link.
    """
    result = Result()
    with _world() as world:
        mailboxes = [_mailbox(world, number) for number in range(MAILBOXES)]
        campaign = _start(mailboxes, sends)
        done = hands.finish(lambda: _sent() == sends, within=180)
        result.holds(done, f"{sends} sent ({_sent()})")
        result.figures |= {"sent": len(world.smtp.taken), "sent_booked": _sent()}
        result.zero(copies=_copies(world.smtp.taken))
        mails = iter(sorted(world.smtp.taken, key=lambda one: one.message_id))
        expected = _answer(world, mails, sends)
        for account in mailboxes:
            inbox.poll(account)
        result.holds(hands.finish(_all_read, within=180), "every inbox read")
        _count(result, campaign, expected)
    return result


def _start(mailboxes: Sequence[Account], sends: int) -> Campaign:
    steps = [
        StepSpec(
            StepKind.EMAIL, variants=(VariantSpec("Hello {first_name}, may I ask?", subject="A question"),)
        ),
        StepSpec(StepKind.EMAIL, delay=NEVER, variants=(VariantSpec("Did you see it?"),)),
    ]
    campaign = campaigns.create_campaign(
        name="Mailing", network="email", steps=steps, accounts=mailboxes, by=BY
    )
    people = [make_profile(f"person{number}@people.test", network="email") for number in range(sends)]
    campaigns.enrol(campaign=campaign, profiles=people, by=BY)
    campaigns.start(campaign=campaign, by=BY)
    progress.begin(campaign.pk)
    return campaign


def _answer(world: MailWorld, mails: Iterator[Taken], sends: int) -> dict[str, int]:
    """Everybody reacts; gives how often each reaction must be counted."""
    shares = {
        "replies": sends // 10,
        "away": sends // 20,
        "hard": sends // 20,
        "soft": sends // 40,
        "clicks": sends // 40,
    }
    for taken in islice(mails, shares["replies"]):
        world.reply(taken, "Yes, tell me more")
    for taken in islice(mails, shares["away"]):
        world.out_of_office(taken)
    for taken in islice(mails, shares["hard"]):
        world.report(taken, "5.1.1", "550 5.1.1 user unknown")
    for taken in islice(mails, shares["soft"]):
        world.report(taken, "5.2.2", "552 5.2.2 mailbox full")
    for taken in islice(mails, shares["clicks"]):
        Client(enforce_csrf_checks=True).post(_link(taken), {"List-Unsubscribe": "One-Click"})
    return shares


def _count(result: Result, campaign: Campaign, expected: dict[str, int]) -> None:
    received = Message.objects.filter(direction="in")
    states = Counter(campaign.enrolments.values_list("state", flat=True))
    reasons = Counter(Suppression.objects.values_list("reason", flat=True))
    found = {
        "replies": received.filter(automatic=False).count(),
        "away": received.filter(automatic=True, notice="").count(),
        "hard": received.filter(notice=NoticeKind.HARD).count(),
        "soft": received.filter(notice=NoticeKind.SOFT).count(),
        "clicks": reasons[SuppressionReason.OPT_OUT],
    }
    result.figures |= found
    for name, count in expected.items():
        result.holds(found[name] == count, f"{count} {name} ({found[name]})")
    result.zero(
        replied_wrong=states[EnrolmentState.REPLIED] - expected["replies"],
        bounced_wrong=states[EnrolmentState.BOUNCED] - expected["hard"],
        opted_out_wrong=states[EnrolmentState.OPTED_OUT] - expected["clicks"],
        bad_addresses_wrong=Profile.objects.filter(bounced_at__isnull=False).count() - expected["hard"],
        suppressed_wrong=reasons.total() - expected["hard"] - expected["clicks"],
    )
    campaign.refresh_from_db()
    stopped = campaign.status == CampaignStatus.PAUSED and "came back" in campaign.status_reason
    result.holds(stopped, f"over 5 % bounces stop the campaign, with the reason ({campaign.status_reason!r})")
    result.figures["mailboxes_stopped"] = Hold.objects.filter(reason=Reason.DELIVERABILITY).count()


# --- CHECKS 6 ------------------------------------------------------------------------------------------------------
def cut(times: int = 100) -> Result:
    """The connection ends after the final dot: a third taken and filed in Sent, a third taken, a third not taken."""
    result = Result()
    with _world() as world:
        ways = ((True, True), (True, False), (False, False))
        counts = [times // 3 + (number < times % 3) for number in range(3)]
        for (taken, filed), count in zip(ways, counts, strict=True):
            world.files_sent = filed
            world.smtp.fault("dot", count=count, taken=taken)
            _send(world, count)
            result.holds(hands.finish(_settled, within=180, deed=_without_lag), "settled")
            world.smtp.calm()
        everything = Task.objects.filter(kind=ActionKind.EMAIL)
        proved = everything.filter(state=TaskState.COMPLETED).count()
        parked = everything.filter(state=TaskState.UNKNOWN, reason=Reason.PARKED, due_at=None).count()
        result.figures |= {"cut": times, "cut_proved": proved, "cut_parked": parked}
        result.zero(cut_copies=_copies(world.smtp.taken))
        result.holds(len(world.smtp.taken) == counts[0] + counts[1], "no mail but those taken arrived")
        result.holds(proved == counts[0], f"{counts[0]} proved by Sent ({proved})")
        result.holds(parked == counts[1] + counts[2], f"{counts[1] + counts[2]} parked ({parked})")
    return result


def _send(world: MailWorld, count: int) -> None:
    """So many mails, at most four a mailbox: five losses in a row would open its breaker."""
    accounts = [_mailbox(world, place) for place in range((count + 3) // 4)]
    tasks.add_many(
        [
            NewTask(
                account_id=accounts[number // 4].pk,
                kind=ActionKind.EMAIL,
                dedupe_key=f"cut:{accounts[0].pk}:{number}",
                profile=make_profile(network="email"),
                payload={"text": f"Note {accounts[0].pk} {number}", "subject": "Note"},
            )
            for number in range(count)
        ]
    )


def _without_lag() -> None:
    """Run lanes with a mail server that files what it takes within a second."""
    EmailChannel.lag = 1.0 - EmailChannel.deadline
    hands.all_lanes()


def _settled() -> bool:
    unclear = Task.objects.filter(kind=ActionKind.EMAIL, state=TaskState.UNKNOWN, due_at__isnull=False)
    busy = Task.objects.filter(kind=ActionKind.EMAIL, state__in=(TaskState.PENDING, TaskState.RUNNING))
    return patiently(lambda: not unclear.exists() and not busy.exists())


# --- CHECKS 11 -----------------------------------------------------------------------------------------------------
def one_click(times: int = 10) -> Result:
    """POST ``times`` times without a cookie: 200 and one change; GET and HEAD change nothing."""
    result = Result()
    wipe()
    profile = make_profile(network="email")
    path = urlsplit(unsubscribing.link_for(profile)).path
    looked = [getattr(Client(), way)(path).status_code for way in ("get", "head")]
    result.holds(looked == [200, 200], f"the page opens ({looked})")
    result.zero(changed_by_looking=Suppression.objects.count())
    answers = [
        Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"}).status_code
        for _ in range(times)
    ]
    result.figures |= {"posts": times, "changes": Suppression.objects.count()}
    result.holds(answers == [200] * times, f"every POST answered 200 ({Counter(answers)})")
    result.holds(result.figures["changes"] == 1, "one change")
    return result


# --- Below ---------------------------------------------------------------------------------------------------------
@contextmanager
def _world() -> Iterator[MailWorld]:
    wipe()
    with MailWorld() as world:
        yield world


def _mailbox(world: MailWorld, number: int) -> Account:
    """A working mailbox whose inbox counts as read up to now."""
    handle = f"us{number}-{Account.objects.count()}@ours.test"
    account = make_account(
        network="email", handle=handle, server="", secret=world.mailbox(handle), sending_gap=0
    )
    make_lane(account)
    _, cursor, _ = world.news(handle)
    InboxCursor.objects.create(account=account, interval=NEVER, cursor=cursor)
    return account


def _sent() -> int:
    return patiently(lambda: Task.objects.filter(kind=ActionKind.EMAIL, state=TaskState.COMPLETED).count())


def _all_read() -> bool:
    """Whether every reading that was asked for is done; the next ones lie far ahead."""
    open_ones = Task.objects.filter(
        kind=ActionKind.FETCH_INBOX, state__in=(TaskState.PENDING, TaskState.RUNNING)
    )
    return patiently(lambda: not open_ones.exclude(reason=Reason.SCHEDULED).exists())


def _copies(taken: Sequence[Taken]) -> int:
    """Mails beyond the first: under the same Message-ID, or from one to another with the same words."""
    by_id = Counter(one.message_id for one in taken)
    by_content = Counter(
        (one.sender, one.recipient, one.content.partition(b"text/plain")[2][:400]) for one in taken
    )
    return max(by_id.total() - len(by_id), by_content.total() - len(by_content))


def _link(taken: Taken) -> str:
    head = taken.content.partition(b"\r\n\r\n")[0].decode()
    return urlsplit(head.partition("List-Unsubscribe: <")[2].partition(">")[0]).path


if __name__ == "__main__":
    main(__doc__, check, sends=200, cuts=100)
