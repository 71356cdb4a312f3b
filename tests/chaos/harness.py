"""What every check needs: a network with accounts and people on it, tasks for them, and a command line."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection, connections

from accounts.enums import ActionKind
from accounts.models import Account, Allowance, Limit
from automation.channels.sandbox.control import Control, LedgerAct
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Campaign, Task
from automation.models.acting import TaskQuerySet
from leads.models import Person, Profile
from tests.chaos.judge import Booked, Verdict, judge
from tests.factories import make_account, make_lane

Answer = TypeVar("Answer")
OUTAGE = 90.0  # seconds a question of ours waits for a database that a check has taken away
SILENT = {"yes": 0.0, "opt_out": 0.0}  # nobody answers: what arrives is all there is
UNITS_HELD = (AttemptState.CLAIMED, AttemptState.STARTED, AttemptState.DONE, AttemptState.UNKNOWN)
WAITS_FOR_A_LIMIT = (Reason.LIMIT, Reason.CAMPAIGN_LIMIT)
_numbers = itertools.count(1)


@dataclass(slots=True)
class Result:
    """A check's figures, in the order they are printed, and every promise that was not kept, as sentences."""

    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def zero(self, **figures: float) -> None:
        """Figures that must be 0."""
        self.figures |= figures
        self.wrong += [f"{name} is {value}, not 0" for name, value in figures.items() if value]

    def holds(self, kept: bool, promise: str) -> None:
        """Something that must be true."""
        if not kept:
            self.wrong.append(f"not so: {promise}")


@dataclass(slots=True)
class Scene:
    """A network of our own with accounts on it, and the tasks a check queued there."""

    network: SandboxProcess
    accounts: list[Account]
    profiles: list[Profile]
    limits: dict[str, int] = field(default_factory=dict)

    @property
    def control(self) -> Control:
        return self.network.control

    @property
    def tasks(self) -> TaskQuerySet:
        return Task.objects.filter(lane__account__in=self.accounts, kind=ActionKind.DM)

    def limit(self, account: Account, limit: int) -> None:
        """Allow ``limit`` direct messages a day."""
        Limit.objects.create(account=account, kind=ActionKind.DM, limit=limit)
        self.limits[account.handle] = limit

    def queue(
        self,
        count: int,
        *,
        accounts: Sequence[Account] = (),
        campaign: Campaign | None = None,
        text: str = "Note",
    ) -> None:
        """Queue ``count`` direct messages, spread over ``accounts`` (all unless given) and all people; no two are alike."""
        senders = list(accounts) or self.accounts
        turns = [next(_numbers) for _ in range(count)]
        tasks.add_many(
            [
                NewTask(
                    account_id=senders[place % len(senders)].pk,
                    kind=ActionKind.DM,
                    dedupe_key=f"chaos:{turn}",
                    profile=self.profiles[(place // len(senders)) % len(self.profiles)],
                    payload={"text": f"{text} {turn}"},
                    campaign_id=campaign.pk if campaign else None,
                )
                for place, turn in enumerate(turns)
            ]
        )

    def ledger(self) -> list[LedgerAct]:
        """Every direct message the network took."""
        return [act for act in self.control.ledger() if act.kind == ActionKind.DM]

    def arrived(self) -> int:
        """How many acts the network took."""
        return int(self.control.health()["acts"])

    def open(self) -> int:
        """Tasks that are neither finished, nor parked, nor kept waiting by a limit."""
        under_way = self.tasks.filter(state__in=(TaskState.RUNNING, TaskState.UNKNOWN)).exclude(
            state=TaskState.UNKNOWN, due_at__isnull=True
        )
        # Not exclude(): without a hold its reason is NULL, which is neither in nor not in anything.
        waiting = self.tasks.pending().with_waiting().exclude(reason__in=WAITS_FOR_A_LIMIT)
        deferred = waiting.filter(hold_reason__in=WAITS_FOR_A_LIMIT)
        return under_way.count() + waiting.count() - deferred.count()

    def settled(self) -> bool:
        return patiently(self.open) == 0

    def books(self) -> list[Booked]:
        """Our side, for the judge."""
        rows = self.tasks.with_waiting().values_list(
            "send_id", "lane__account__handle", "state", "reason", "hold_reason"
        )
        return [
            Booked(
                str(send_id),
                handle,
                state,
                state == TaskState.PENDING and bool({reason, hold} & {*WAITS_FOR_A_LIMIT}),
            )
            for send_id, handle, state, reason, hold in rows
        ]

    def verdict(self) -> Verdict:
        return judge(self.books(), self.ledger(), self.limits)

    def counters_off(self) -> int:
        """By how many units our counters differ from the attempts that hold one."""
        held: Counter[int] = Counter()
        for units in Attempt.objects.filter(task__in=self.tasks, state__in=UNITS_HELD).values_list(
            "allowances", flat=True
        ):
            held.update(units)
        return sum(abs(used - held[pk]) for pk, used in Allowance.objects.values_list("pk", "used"))

    def units_unused(self) -> int:
        """Messages that wait for a limit although their account has units left."""
        waiting = Counter(one.account for one in self.books() if one.deferred)
        sent = Counter(act.account for act in self.ledger())
        left = {handle: limit - sent[handle] for handle, limit in self.limits.items()}
        return sum(min(max(0, left.get(handle, 0)), count) for handle, count in waiting.items())


@contextmanager
def scene(*, accounts: int = 20, people: int = 50) -> Iterator[Scene]:
    """A fresh network and an empty database with ``accounts`` on it, each with its lane."""
    wipe()
    number = next(_numbers)
    network = SandboxProcess(
        Path(settings.DATA_DIR) / f"network-{number}",
        accounts=accounts,
        people=people,
        shares=SILENT,
        tag=f"-{number}",
    )
    with network:
        yield Scene(network, list(_accounts(network)), _profiles(network))


def _accounts(network: SandboxProcess) -> Iterator[Account]:
    for own in network.control.accounts():
        account = make_account(
            handle=own.handle, server=network.url, remote_id=own.id, secret={"token": own.token},
            sending_gap=0, time_zone=zone_of_noon(),
        )  # fmt: skip
        make_lane(account)
        yield account


def _profiles(network: SandboxProcess) -> list[Profile]:
    known = network.control.people()
    people = Person.objects.bulk_create(Person(display_name=one.handle) for one in known)
    return Profile.objects.bulk_create(
        Profile(person=person, network="sandbox", handle=one.handle, remote_id=one.id)
        for person, one in zip(people, known, strict=True)
    )


def zone_of_noon() -> str:
    """A zone where it is about noon now, so that no run passes midnight, where limits begin anew."""
    west = datetime.now(UTC).hour - 12
    return f"Etc/GMT{west:+d}" if west else "Etc/GMT"


def wipe() -> None:
    """An empty database, made on first use. Nothing else may be running."""
    if "accounts_account" not in patiently(connection.introspection.table_names):
        call_command("prepare", verbosity=0, stdout=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE accounts_account, leads_person, leads_suppression, accounts_allowance, accounts_limit, "
            "automation_campaign, automation_drain, django_q_ormq, django_q_task, monitoring_heartbeat CASCADE"
        )


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask the database, again and again while it is away."""
    deadline = time.monotonic() + OUTAGE
    while True:
        try:
            return ask()
        except Error:
            connections.close_all()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def until(true: Callable[[], bool], *, within: float, every: float = 0.1) -> float | None:
    """Seconds until ``true()``; ``None`` when it did not become so in time."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within:
            return None
        time.sleep(every)
    return time.monotonic() - began


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def say(text: str) -> None:
    """Progress for people, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def main(doc: str | None, check: Callable[..., Result], **defaults: Any) -> None:
    """The command line of one check: an option per argument, figures out, exit 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--json", action="store_true", help="End with one JSON object.")
    for name, default in defaults.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(default), default=default, help=f"default: {default}")
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    sys.exit(report(check(**given), as_json=as_json))


def report(result: Result, *, as_json: bool) -> int:
    """Print a result; returns the exit code."""
    for name, value in result.figures.items():
        print(f"{name:>24}  {value}")
    for sentence in result.wrong:
        print(f"  ! {sentence}")
    if as_json:
        print(json.dumps(result.figures | ({"wrong": result.wrong} if result.wrong else {})), flush=True)
    return bool(result.wrong)
