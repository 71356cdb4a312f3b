"""The front desk between the browser, which knows no row, and the installation's slots and sessions.

A lane asks before anything is claimed: what would need a browser that is not to be had is held back with the reason
"Waits for a browser", kind by kind, and lifted when its turn comes. So no thread of a drain waits for a slot, no attempt
is spent on one, and between the last look at who said no and the act lies nothing but the act.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from django.db import connection

from automation import breakers
from automation.browser import endpoint, work
from automation.browser.work import Broken, BrowserBusy, BrowserDown, Job, Session, State, urgency_of
from automation.browsing import sessions, slots
from automation.browsing.slots import Held
from automation.browsing.standing import standing
from automation.engine import lanes
from automation.enums import BrowserUrgency, Reason
from automation.models import Breaker, Hold
from outreach.lib import clock

SERVICE = "browser"  # its breaker, see automation.breakers
AGAIN = 15.0  # seconds after which a lane in line looks again by itself, should its wake be lost; longer than its turn
STARTING = 1.0  # seconds between two looks at a browser that starts
BUSY_AGAIN = 5.0
LOOK_SECONDS = 0.1
AFTERWARDS = 15.0  # seconds a slot outlasts its job's deadline: to kill, record and give back

# The kinds something is due of that nothing but the browser holds back, and '' for an outcome to be asked about. What waits
# for the browser is looked at each time, or its hold might end between this look and the claim.
DUE = """
SELECT k.kind FROM unnest(%(kinds)s::text[]) AS k(kind)
WHERE EXISTS (
    SELECT FROM automation_task
    WHERE lane_id = %(lane)s AND kind = k.kind AND state = 'pending' AND due_at <= statement_timestamp())
AND NOT EXISTS (
    SELECT FROM automation_hold
    WHERE lane_id = %(lane)s AND kind IN ('', k.kind) AND (until IS NULL OR until > statement_timestamp())
      AND NOT (kind = k.kind AND reason = %(browser)s))
UNION ALL
(SELECT '' FROM automation_task
 WHERE lane_id = %(lane)s AND state = 'unknown' AND due_at <= statement_timestamp() LIMIT 1)
"""


class FrontDesk:
    """The installation's :class:`automation.browser.work.Desk`. One a process; a lane is one thread's at a time."""

    def __init__(self) -> None:
        self._turns: dict[int, Held | None] = {}  # lanes at work, and the slot of each that has one

    def enter(self, account: int) -> None:
        """Take a slot for the most urgent work that is due in the account's lane; hold back what gets none."""
        self._turns.setdefault(account, None)
        due = _due(account)
        if not due:
            return
        if trouble := _trouble():
            why, seconds = trouble
            _hold(account, due, clock.database_now() + timedelta(seconds=seconds), why)
            return
        by_urgency: dict[int, list[str]] = {}
        for kind in due:
            by_urgency.setdefault(urgency_of(kind), []).append(kind)
        for urgency in sorted(by_urgency):
            if self._serving(account, urgency) is None:
                _wait_in_line(account, urgency, by_urgency[urgency])
            else:
                _free(account, by_urgency[urgency])

    def _serving(self, account: int, urgency: int) -> Held | None:
        """The turn's slot if it serves work of this urgency, or one that does in its place; else it is in line for one.

        The kept slot serves critical work only, whatever became due while it was held.
        """
        held = self._turns.get(account)  # a thread that lost the lane may end its turn while ours begins
        if held is not None and (not held.is_kept or urgency == BrowserUrgency.CRITICAL):
            return held
        taken = slots.take(slots.lane_key(account), urgency, account_id=account)
        if taken is not None:
            self._turns[account] = taken
            if held is not None:
                slots.give_back(held)
        return taken

    def leave(self, account: int) -> None:
        """The turn is over: its slot goes to the next in line."""
        if held := self._turns.pop(account, None):
            slots.give_back(held)

    @contextmanager
    def slot(self, job: Job) -> Iterator[None]:
        """The turn's slot, or one for this job alone; failures to get at a browser count for its breaker."""
        in_turn = bool(job.account) and job.account in self._turns
        held = self._of_turn(job) if in_turn else _wait(job)
        try:
            if not slots.renew(held, job.seconds + AFTERWARDS):
                if in_turn:
                    self._turns[job.account] = None
                raise BrowserBusy(
                    "The browser slot was given to somebody else meanwhile.", retry_after=BUSY_AGAIN
                )
            with breakers.guard(SERVICE, answers=(BrowserBusy, Broken)):
                yield
        except breakers.ServiceDown as down:
            seconds = (down.retry_at - clock.database_now()).total_seconds()
            raise BrowserDown(f"There is no browser: {down}", retry_after=max(1.0, seconds)) from down
        finally:
            if not in_turn:
                slots.give_back(held)

    def _of_turn(self, job: Job) -> Held:
        """The slot of the account's turn for a job of it; raises :class:`BrowserBusy`, in line, when there is none."""
        held = self._serving(job.account, job.urgency)
        if held is None:
            raise BrowserBusy(_in_line(job.urgency, clock.database_now()), retry_after=BUSY_AGAIN)
        return held

    def session(self, account: int) -> Session:
        """The account's saved state, and how to keep it."""
        saved = sessions.load(account)
        return Session(saved.state, partial(self._keep, account, saved.version))

    def _keep(self, account: int, version: int, state: State) -> None:
        sessions.save(account, state, version=version)


def connect() -> None:
    """Have every job of this process pass here; called once when Django starts."""
    work.use(FrontDesk())


def _due(account: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"kinds": lanes.KINDS, "lane": account, "browser": Reason.BROWSER})
        return [kind for (kind,) in cursor.fetchall()]


def _trouble() -> tuple[str, float] | None:
    """Why there is no browser to wait for, and in how many seconds to look again."""
    opened = Breaker.objects.filter(key=SERVICE, opened_at__isnull=False, probe_at__isnull=False).first()
    if opened is not None and opened.probe_at is not None:
        left = (opened.probe_at - clock.database_now()).total_seconds()
        if left > 0:
            return f"There is no browser: {opened.detail}", left
    why = endpoint.missing()
    found = endpoint.read()
    is_down = bool(found and found.state == endpoint.DEGRADED)
    return (why, AGAIN if is_down else STARTING) if why else None


def _hold(account: int, kinds: Sequence[str], until: datetime, detail: str) -> None:
    for kind in kinds:
        if kind:  # asking about an outcome is no kind: it is answered "busy" and asks again by itself
            lanes.hold(account, kind=kind, reason=Reason.BROWSER, until=until, detail=detail)


def _wait_in_line(account: int, urgency: int, kinds: Sequence[str]) -> None:
    """Hold the kinds back until the lane is called; at once again if that has happened meanwhile."""
    now = clock.database_now()
    until = now + timedelta(seconds=AGAIN)
    if urgency == BrowserUrgency.LOW:
        until = max(until, slots.posting_until(now) or until)
    _hold(account, kinds, until, _in_line(urgency, now))
    if slots.is_called(slots.lane_key(account), urgency):
        _free(account, kinds)


def _free(account: int, kinds: Sequence[str]) -> None:
    """These kinds wait for the browser no longer; the lane is at work, so nobody needs waking."""
    Hold.objects.filter(lane=account, kind__in=kinds, reason=Reason.BROWSER).delete()


def _in_line(urgency: int, now: datetime) -> str:
    if urgency == BrowserUrgency.LOW and slots.posting_until(now):
        return "Keeps out of the way of a publication that is due soon."
    line = standing()
    kept = " (one is kept for publishing and replying)" if line.slots > 1 else ""
    return f"{line.taken} of {line.slots} browser slots are taken{kept}; {line.in_line} in line."


def _wait(job: Job) -> Held:
    """A slot for one job, had within its ``wait``; raises :class:`BrowserBusy`."""
    key = f"job:{uuid.uuid4().hex}"
    ends = time.monotonic() + job.wait
    while (held := slots.take(key, job.urgency, account_id=None, queue=job.wait > 0)) is None:
        if time.monotonic() >= ends:
            slots.leave(key)
            raise BrowserBusy("Waits for a browser: all slots are taken.", retry_after=BUSY_AGAIN)
        time.sleep(LOOK_SECONDS)
    return held
