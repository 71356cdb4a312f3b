"""Pacing is data: when acts upon people may happen again stands on the lane, no worker sleeps for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.enums import PACED_ACTS
from accounts.models import Account
from automation.engine import policy
from automation.engine.shapes import Candidate
from automation.enums import Reason
from automation.models import Lane


def gap_of(account: Account) -> float:
    """Seconds between two acts upon people of this account."""
    return policy.seconds("default_sending_gap") if account.sending_gap is None else account.sending_gap


def begin_gap(lane: Lane, account: Account, at: datetime) -> None:
    """From now on acts upon people wait; the caller saves the lane."""
    gap = gap_of(account)
    if gap > 0:
        lane.people_until = at + timedelta(seconds=policy.jittered_gap(gap))
        lane.people_reason = Reason.SENDING_GAP


def forget_gap(lane_id: int, kind: str) -> None:
    """The act that began the gap was never called; the gap of the act before it was over when this one was claimed."""
    if kind in PACED_ACTS:
        Lane.objects.filter(pk=lane_id, people_reason=Reason.SENDING_GAP).update(
            people_until=None, people_reason=""
        )


def space_out(account: Account, candidates: Sequence[Candidate]) -> list[Candidate]:
    """At most one act upon a person at a time where a gap is kept; everything else passes."""
    if gap_of(account) <= 0:
        return list(candidates)
    kept, paced = [], 0
    for candidate in candidates:
        is_paced = candidate.claim.kind in PACED_ACTS
        if not is_paced or paced == 0:
            kept.append(candidate)
        paced += is_paced
    return kept


def close_window(lane: Lane, account: Account, at: datetime) -> None:
    """Outside the account's sending window acts upon people wait until it opens; the caller saves the lane."""
    opens_at = next_opening(account, at)
    if opens_at is not None and (lane.people_until is None or lane.people_until < opens_at):
        lane.people_until, lane.people_reason = opens_at, Reason.OUTSIDE_WINDOW


def next_opening(account: Account, at: datetime) -> datetime | None:
    """When the sending window opens next, or ``None`` while it is open or there is none. It may cross midnight."""
    opens, closes = account.window_opens, account.window_closes
    if opens is None or closes is None or opens == closes:
        return None
    local = at.astimezone(account.zone_at(at))
    now = local.time().replace(tzinfo=None)
    is_open = opens <= now < closes if opens < closes else now >= opens or now < closes
    if is_open:
        return None
    day = local.date() if now < opens else local.date() + timedelta(days=1)
    return datetime.combine(day, opens, tzinfo=local.tzinfo).astimezone(at.tzinfo)
