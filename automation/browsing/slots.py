"""Slots as rows: taken in order of the line, leased, given back, and woken for.

Everything that decides runs alone under one advisory lock, for a few milliseconds: so the kept slot, the order and the
number of slots hold over all processes and machines.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import psutil
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.enums import ActionKind
from automation.browsing.line import Waiter, assign
from automation.engine import lanes
from automation.enums import BrowserUrgency, Reason
from automation.models import BrowserSlot, BrowserWait, Task
from outreach.lib import clock, processes

LOCK = 0x62726F77  # any number, the same for everybody
COME_WITHIN = timedelta(seconds=10)  # who was woken and does not come by then loses its place
FORGET_AFTER = timedelta(minutes=2)  # who has not asked for so long no longer waits


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that is ours. ``waited`` is in seconds."""

    number: int
    token: uuid.UUID
    urgency: int
    waited: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether it is the one for critical work only."""
        return self.number == 1 and capacity() > 1


def capacity() -> int:
    """How many slots there are."""
    return max(1, int(settings.BROWSER["slots"]))


def lane_key(account_id: int) -> str:
    """How an account's lane stands in line."""
    return f"account:{account_id}"


def take(key: str, urgency: int, *, account_id: int | None = None, queue: bool = True) -> Held | None:
    """A slot, if it is this one's turn; otherwise, unless ``queue`` is false, a place in line that is kept.

    Whoever else could have one at this moment is woken.
    """
    with transaction.atomic():
        now = _alone()
        line = _line(now)
        mine = [one for one in line if (one.key, one.urgency) == (key, urgency)]
        me = mine[0] if mine else Waiter(0, key, urgency, now)
        given = _assign(now, line if mine else [*line, me])
        held = _hold(given[me], me, account_id, now) if me in given else None
        if held is None and queue:
            BrowserWait.objects.update_or_create(
                key=key,
                urgency=urgency,
                defaults={"seen_at": now, "woken_at": None, "account_id": account_id},
            )
        called = _call([waiter for waiter in given if waiter != me], now)
    wake(called)
    return held


def renew(held: Held, seconds: float) -> bool:
    """Keep the slot for ``seconds`` more; false when somebody else has it by now."""
    mine = BrowserSlot.objects.filter(number=held.number, token=held.token)
    return bool(mine.update(leased_until=Now() + timedelta(seconds=seconds)))


def give_back(held: Held) -> None:
    """The slot is free: the next in line are woken."""
    with transaction.atomic():
        now = _alone()
        if not BrowserSlot.objects.filter(number=held.number, token=held.token).update(**FREE):
            return
        called = _call(_assign(now, line), now) if (line := _line(now)) else []
    wake(called)


def leave(key: str, *, urgencies: Iterable[int] = BrowserUrgency.values) -> None:
    """Stop waiting."""
    BrowserWait.objects.filter(key=key, urgency__in=list(urgencies)).delete()


def is_called(key: str, urgency: int) -> bool:
    """Whether the turn of this one in line has come."""
    return BrowserWait.objects.filter(key=key, urgency=urgency, woken_at__isnull=False).exists()


def wake(account_ids: Sequence[int]) -> None:
    """Have these lanes looked at now: what a browser held back is claimed if they get their slot."""
    if account_ids:
        lanes.lift(account_ids, reasons=[Reason.BROWSER])


def posting_until(now: datetime) -> datetime | None:
    """When the last publication due soon on an account with a browser session is due; ``None`` when there is none."""
    soon = now + timedelta(seconds=settings.BROWSER["posting_window_seconds"])
    due = Task.objects.pending().filter(
        lane__account__browser_session__isnull=False, kind=ActionKind.POST, due_at__gt=now, due_at__lte=soon
    )
    return due.order_by("-due_at").values_list("due_at", flat=True).first()


FREE = {"account": None, "urgency": None, "token": None, "worker": "", "taken_at": None, "leased_until": None}


def _alone() -> datetime:
    """Wait until nobody else decides, for the length of the transaction; the database's time then."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    return clock.database_now()


def _line(now: datetime) -> list[Waiter]:
    """Who waits. Those that were woken and did not come, or no longer ask, are forgotten."""
    rows = list(BrowserWait.objects.all())
    absent = [
        row.pk for row in rows
        if row.seen_at < now - FORGET_AFTER or (row.woken_at and row.woken_at < now - COME_WITHIN)
    ]  # fmt: skip
    if absent:
        BrowserWait.objects.filter(pk__in=absent).delete()
    return [Waiter(row.pk, row.key, row.urgency, row.since) for row in rows if row.pk not in absent]


def _free(now: datetime) -> list[int]:
    """The numbers of the free slots, made as far as there are fewer than set; those of dead processes are freed."""
    size = capacity()
    slots = list(BrowserSlot.objects.filter(number__lte=size))
    if len(slots) < size:
        made = [BrowserSlot(number=number) for number in range(1, size + 1)]
        BrowserSlot.objects.bulk_create(made, ignore_conflicts=True)
        slots = list(BrowserSlot.objects.filter(number__lte=size))
    held = [slot for slot in slots if slot.leased_until is not None and slot.leased_until >= now]
    left_behind = [slot.number for slot in held if not lives(slot.worker)]
    if left_behind:
        BrowserSlot.objects.filter(number__in=left_behind).update(**FREE)
    taken = {slot.number for slot in held} - set(left_behind)
    return [slot.number for slot in slots if slot.number not in taken]


def _assign(now: datetime, line: list[Waiter]) -> dict[Waiter, int]:
    free = _free(now)
    if not free:
        return {}
    posting = any(one.urgency == BrowserUrgency.LOW for one in line) and posting_until(now) is not None
    return assign(line, free, now, capacity=capacity(), posting=posting)


def _hold(number: int, me: Waiter, account_id: int | None, now: datetime) -> Held:
    held = Held(number, uuid.uuid4(), me.urgency, (now - me.since).total_seconds())
    BrowserSlot.objects.filter(number=number).update(
        account_id=account_id, urgency=me.urgency, token=held.token, worker=_myself(), taken_at=now,
        leased_until=now + timedelta(seconds=settings.BROWSER["slot_lease_seconds"]), waited=held.waited,
        turns=F("turns") + 1,
    )  # fmt: skip
    served = BrowserWait.objects.filter(key=me.key)  # by any but the kept slot: all its work, however urgent
    (served.filter(urgency=me.urgency) if held.is_kept else served).delete()
    return held


def _call(chosen: Iterable[Waiter], now: datetime) -> list[int]:
    """Note that these are woken; the accounts among them whose lanes are to be."""
    chosen = list(chosen)
    if not chosen:
        return []
    waits = BrowserWait.objects.filter(pk__in=[waiter.pk for waiter in chosen], woken_at__isnull=True)
    called = list(waits.values_list("pk", "account_id"))
    BrowserWait.objects.filter(pk__in=[pk for pk, _ in called]).update(woken_at=now)
    return [account_id for _, account_id in called if account_id is not None]


@cache
def _started(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def _myself() -> str:
    me = processes.identity()
    return f"{me}:{_started(int(me.rpartition(':')[2])):.0f}"


def lives(worker: str) -> bool:
    """Whether a slot's holder runs; of other machines only the lease tells."""
    host, pid, started = worker.rsplit(":", 2)
    return host != socket.gethostname() or processes.is_running(int(pid), float(started))
