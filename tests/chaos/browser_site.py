"""A site without an API with accounts of ours on it, and the line of messages and publications that is queued there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import Priority, TaskState
from automation.models import Task
from automation.models.acting import TaskQuerySet
from leads.models import Person, Profile
from tests.chaos.harness import SILENT, patiently, until, wipe, zone_of_noon
from tests.factories import make_account, make_lane

CRITICAL_SHARE = 5  # every fifth act is a publication
PUBLISH_EVERY = 3.0  # seconds: each of 20 accounts once a minute
KINDS = (ActionKind.DM, ActionKind.POST)


@dataclass(slots=True)
class Site:
    """A site with our accounts on it."""

    network: SandboxProcess
    accounts: list[Account]
    profiles: list[Profile]
    least_waiting: int = 0  # messages in line when a publication came, the fewest of all

    def queue(self, acts: int) -> None:
        """``acts`` messages and publications, spread evenly; each text names its account and is there once.

        All messages come first. Publications follow one by one, every few seconds or with every other act that is done,
        whichever is sooner: so half as many messages as there are wait behind the last of them.
        """
        made = [self._task(place) for place in range(acts)]
        tasks.add_many([task for task in made if task.kind == ActionKind.DM])
        self.least_waiting = acts
        began = time.monotonic()
        for number, task in enumerate(task for task in made if task.kind == ActionKind.POST):
            until(
                lambda number=number: self.arrived() >= number * 2,
                within=max(0.0, began + number * PUBLISH_EVERY - time.monotonic()),
            )
            tasks.add_many([task])
            waiting = Task.objects.pending().filter(kind=ActionKind.DM)
            self.least_waiting = min(self.least_waiting, patiently(waiting.count))

    def arrived(self) -> int:
        """How many acts the site took."""
        return int(self.network.control.health()["acts"])

    def _task(self, place: int) -> NewTask:
        account = self.accounts[place % len(self.accounts)]
        turn = place // len(self.accounts)
        is_urgent = turn % CRITICAL_SHARE == 0
        return NewTask(
            account_id=account.pk,
            kind=ActionKind.POST if is_urgent else ActionKind.DM,
            priority=Priority.CRITICAL if is_urgent else Priority.NORMAL,
            dedupe_key=f"browser:{place}",
            profile=None if is_urgent else self.profiles[place % len(self.profiles)],
            payload={"text": f"{account.handle} says {_words(place)}"},
        )

    def open(self) -> int:
        """Acts that are neither finished nor parked."""
        waiting = ours().filter(state__in=(TaskState.PENDING, TaskState.RUNNING)).count()
        return waiting + ours().filter(state=TaskState.UNKNOWN, due_at__isnull=False).count()

    def settled(self) -> bool:
        return patiently(self.open) == 0


def _words(number: int) -> str:
    """Words of its own for each act, as people's texts have: of what differs in a number only a page proves nothing."""
    letters = hashlib.sha256(str(number).encode()).hexdigest()[:48]
    return " ".join(letters[at : at + 8] for at in range(0, len(letters), 8))


def ours() -> TaskQuerySet:
    """What was queued here; inboxes are read as well."""
    return Task.objects.filter(kind__in=KINDS)


@contextmanager
def site(accounts: int) -> Iterator[Site]:
    """A fresh network used as a site without an API, and an empty database with accounts that sign in by password."""
    wipe()
    with SandboxProcess(
        Path(settings.DATA_DIR) / "site", accounts=accounts, people=40, shares=SILENT
    ) as network:
        known = network.control.people()
        people = Person.objects.bulk_create(Person(display_name=one.handle) for one in known)
        profiles = Profile.objects.bulk_create(
            Profile(person=person, network="web", handle=one.handle, remote_id=one.handle)
            for person, one in zip(people, known, strict=True)
        )
        owners = []
        for own in network.control.accounts():
            account = make_account(
                network="web", handle=own.handle, server=network.url, remote_id=own.handle,
                secret={"password": own.password}, sending_gap=0, time_zone=zone_of_noon(),
            )  # fmt: skip
            make_lane(account)
            owners.append(account)
        yield Site(network, owners, profiles)
