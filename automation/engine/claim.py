"""One transaction in which a task may become an attempt: everything that could forbid it is checked right there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts import limits
from accounts.enums import PACED_ACTS, WORKING_STATUSES
from accounts.models import Account
from automation.channels.base import Channel
from automation.engine import attempts, failpoints, lanes, outcomes, pacing, rates, start
from automation.engine.lanes import KINDS, Lease, LeaseLost
from automation.engine.shapes import Candidate, Claim, Claimed
from automation.enums import URGENT, CampaignStatus, Reason
from automation.models import Hold, Lane, Task
from outreach.lib import prepared

Refusal = tuple[Candidate, limits.Line]

BATCH_SECONDS = 1.0  # how long the calls of one batch may take before the rest is put back
MINE = "WHERE account_id = %s AND lease_token = %s AND lease_until >= statement_timestamp() FOR NO KEY UPDATE"
CHANGED = ("people_until", "people_reason", "lease_until", *rates.FIELDS)  # by a claim, of the lane
RENEWED = f"UPDATE automation_lane SET {', '.join(f'{name} = %s' for name in CHANGED)} WHERE account_id = %s"  # noqa: S608
HOLDS = "WHERE lane_id = %s"  # one a kind and reason at most
# A claim whose attempts are started later need not wait for the disk: the start does, and takes the claim there with it.
COMMIT = "SELECT set_config('synchronous_commit', CASE WHEN %s::bool THEN 'on' ELSE 'off' END, true)"
CANDIDATES = """
WITH picked AS MATERIALIZED (
    SELECT head.id
    FROM unnest(%(kinds)s::text[]) AS k(kind) CROSS JOIN generate_series(0, 3) AS pri(priority)
    CROSS JOIN LATERAL (
        SELECT id, due_at FROM automation_task
        WHERE lane_id = %(lane)s AND kind = k.kind AND priority = pri.priority AND state = 'pending' AND due_at <= %(at)s
        ORDER BY due_at, id LIMIT %(wanted)s::int) AS head
    ORDER BY pri.priority, head.due_at, head.id LIMIT %(wanted)s::int)
SELECT task.id, task.kind, task.send_id, task.attempt_count + 1, task.failure_count, task.person_id, task.profile_id,
       task.campaign_id, task.enrolment_id, task.payload, COALESCE(profile.handle, ''), COALESCE(profile.remote_id, ''),
       person.suppressed_at IS NOT NULL, campaign.status, campaign.daily_limit,
       task.attempt_count > 0 AND EXISTS (
           SELECT 1 FROM automation_attempt AS tried WHERE tried.task_id = task.id AND tried.error = %(worker_ended)s::text),
       task.priority
FROM automation_task AS task JOIN picked USING (id)
LEFT JOIN leads_profile AS profile ON profile.id = task.profile_id
LEFT JOIN leads_person AS person ON person.id = task.person_id
LEFT JOIN automation_campaign AS campaign ON campaign.id = task.campaign_id
WHERE task.state = 'pending' AND task.due_at <= %(at)s
ORDER BY task.priority, task.due_at, task.id
FOR UPDATE OF task SKIP LOCKED
"""


@transaction.atomic
def claim(lease: Lease, channel: Channel, *, batch: int) -> Claimed:
    """Turn due tasks of the leased lane into attempts, most urgent first; none when nothing may run now.

    Renews the lease. What may not run gets its reason and next time, as a hold on the lane or on the task. With a
    channel that proves its acts the attempts, ``batch`` at most, come back started; otherwise only claimed.
    Raises :class:`LeaseLost` when the lane belongs to somebody else by now.
    """
    lane, holds, book, at = _renew(lease, channel)
    account = lane.account
    wanted = 1 if lane.breaker_opened_at else batch
    if (room := rates.left(lane, at)) is not None:
        wanted = min(wanted, room)
    kinds = _allowed_kinds(lane, account, holds, at)
    due = _candidates(lane, kinds, at, wanted)
    allowed = _without_forbidden(due)
    ready = _alone(allowed)
    candidates = pacing.space_out(account, ready)
    claims = _reserve(lane, book, candidates, at)
    failpoints.reach("after_reserve")
    lane.minute_taken += len(claims) if room is not None else 0
    renewed = prepared.Query(RENEWED, [*(getattr(lane, name) for name in CHANGED), lane.pk])
    if claims:
        deadline = _deadline(channel, at, started=channel.proves)
        claims = start.write_attempts(
            claims, worker=lease.owner, deadline=deadline, started=channel.proves, along=renewed
        )
    else:
        prepared.together(renewed)
    failpoints.reach("in_claim")
    # What was spaced out waits for its gap; what became due meanwhile is found when the lane is released.
    left = 0 < wanted == len(due) or len(ready) < len(allowed)
    return Claimed(claims, more=left and len(candidates) == len(ready))


def _renew(lease: Lease, channel: Channel) -> tuple[Lane, list[Hold], limits.Book, datetime]:
    """The lane, locked and leased anew for longer than calls may last, with its account; what holds it, past holds too; the
    account's book; the database's time. All are read after the lock was taken: whoever lifts a hold takes that lock too.
    """
    _, mine, accounts, holds, *pages = prepared.together(
        prepared.Query(COMMIT, [channel.proves]),
        prepared.Select(Lane, MINE, [lease.lane_id, lease.token], also="statement_timestamp() AS at"),
        prepared.Select(Account, "WHERE id = %s", [lease.lane_id]),
        prepared.Select(Hold, HOLDS, [lease.lane_id]),
        *limits.Book.pages(lease.lane_id, lease.network),
    )
    if not mine:
        raise LeaseLost(f"lane {lease.lane_id}: lease {lease.token} is over")
    (lane,), (lane.account,) = mine, accounts
    at: datetime = vars(lane)["at"]
    lane.lease_until = lanes.lease_end(at, calls=channel.deadline + BATCH_SECONDS)
    return lane, holds, limits.Book.of(lane.account, *pages), at


def _allowed_kinds(lane: Lane, account: Account, holds: list[Hold], at: datetime) -> list[str]:
    """The kinds nothing holds back at the moment."""
    holds = [hold for hold in holds if hold.until is None or hold.until > at]
    if account.status not in WORKING_STATUSES:
        lanes.hold(
            lane.pk,
            kind="",
            reason=Reason.ACCOUNT_NOT_WORKING,
            until=None,
            detail=account.status_reason or account.get_status_display(),
        )
        holds = [hold for hold in holds if hold.kind or hold.reason != Reason.ACCOUNT_NOT_WORKING]
        holds.append(Hold(kind="", reason=Reason.ACCOUNT_NOT_WORKING))
    pacing.close_window(lane, account, at)
    paced = PACED_ACTS if lane.people_until and lane.people_until > at else ()
    return [
        kind for kind in KINDS
        if kind not in paced and not any(h.kind in ("", kind) and not lanes.exempt(h, kind) for h in holds)
    ]  # fmt: skip


def _candidates(lane: Lane, kinds: Sequence[str], at: datetime, wanted: int) -> list[Candidate]:
    if not kinds:
        return []
    given = {"kinds": list(kinds), "lane": lane.pk, "at": at, "wanted": wanted}
    found = prepared.rows(CANDIDATES, {**given, "worker_ended": attempts.WORKER_ENDED})
    return [_candidate(row) for row in found]


def _candidate(row: tuple[Any, ...]) -> Candidate:
    claim = Claim(*row[:12])
    claim.payload = json.loads(row[9])  # Django leaves jsonb to its model field, which is not asked here
    return Candidate(claim, *row[12:])


def _without_forbidden(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Ends tasks upon people who said no or of ended campaigns, shelves those of paused campaigns, keeps the rest."""
    said_no = [c.claim.task_id for c in candidates if c.suppressed]
    ended = (CampaignStatus.CANCELLED, CampaignStatus.COMPLETED)
    over = [c.claim.task_id for c in candidates if not c.suppressed and c.campaign_status in ended]
    still = (None, CampaignStatus.RUNNING, *ended)
    shelved = [c.claim.task_id for c in candidates if not c.suppressed and c.campaign_status not in still]
    outcomes.cancelled(said_no, reason=Reason.SUPPRESSED)
    outcomes.cancelled(over, reason=Reason.CAMPAIGN_ENDED)
    _shelve(shelved)
    gone = {*said_no, *over, *shelved}
    return [c for c in candidates if c.claim.task_id not in gone]


SHELVE = """
WITH still AS (
    SELECT id FROM automation_campaign
    WHERE id IN (SELECT campaign_id FROM automation_task WHERE id = ANY(%(ids)s)) AND status <> 'running'
    FOR SHARE SKIP LOCKED)
UPDATE automation_task AS task SET due_at = NULL, reason = %(reason)s, detail = ''
FROM still WHERE task.id = ANY(%(ids)s) AND task.campaign_id = still.id
"""


def _shelve(task_ids: Sequence[int]) -> None:
    """Tasks of campaigns that do not run wait for somebody to resume them.

    A campaign that is being resumed at this moment is passed over, or its tasks would be shelved right after.
    """
    if task_ids:
        with connection.cursor() as cursor:
            cursor.execute(SHELVE, {"ids": list(task_ids), "reason": Reason.CAMPAIGN_NOT_RUNNING})


def _alone(candidates: Sequence[Candidate]) -> list[Candidate]:
    """All of them, or one alone when it may be what killed a worker."""
    for place, candidate in enumerate(candidates):
        if candidate.suspect:
            return [candidate] if place == 0 else list(candidates[:place])
    return list(candidates)


def _reserve(lane: Lane, book: limits.Book, candidates: Sequence[Candidate], at: datetime) -> list[Claim]:
    """Reserves a unit of every limit of each candidate, all or none; a limit that is reached becomes a hold."""
    if not candidates:
        return []
    account = book.account
    grants = limits.reserve(book, [_demand(candidate, account) for candidate in candidates], at)
    claims = []
    refused: dict[tuple[Any, ...], Refusal] = {}
    for candidate, grant in zip(candidates, grants, strict=True):
        if grant.allowance_ids is None:
            if grant.line is not None:
                refused[candidate.claim.kind, candidate.claim.campaign_id, grant.line] = candidate, grant.line
            continue
        candidate.claim.allowances = grant.allowance_ids
        candidate.claim.on_probation = lane.failures > 0 or lane.breaker_opened_at is not None
        claims.append(candidate.claim)
    for candidate, line in refused.values():
        _hold_back(lane, candidate, line, at)
    if any(claim.kind in PACED_ACTS for claim in claims):
        pacing.begin_gap(lane, account, at)
    return claims


def _demand(candidate: Candidate, account: Account) -> limits.Demand:
    caps: tuple[limits.Cap, ...] = ()
    if candidate.campaign_limit is not None:
        owner = f"campaign:{candidate.claim.campaign_id}:account:{account.pk}"
        caps = (limits.Cap(owner, candidate.campaign_limit),)
    return limits.Demand(candidate.claim.kind, caps, urgent=candidate.priority in URGENT)


def _hold_back(lane: Lane, candidate: Candidate, line: limits.Line, at: datetime) -> None:
    """An account's limit holds the whole kind, what it keeps in reserve holds all of the kind that is not urgent, a
    campaign's limit holds that campaign's tasks of the kind; each in one UPDATE.
    """
    kind, detail = candidate.claim.kind, f"{line.used} of {line.limit} a {line.window} used ({line.source})"
    waiting = Task.objects.pending().filter(lane=lane, kind=kind, due_at__lte=at)
    if line.source == "campaign":
        waiting.filter(campaign=candidate.claim.campaign_id).update(
            due_at=line.closes_at, reason=Reason.CAMPAIGN_LIMIT, detail=detail
        )
    elif line.is_left_to_urgent_acts:
        detail += f", {line.reserve} kept for urgent acts"
        waiting.exclude(priority__in=URGENT).update(
            due_at=line.closes_at, reason=Reason.RESERVE, detail=detail
        )
    else:
        lanes.hold(lane.pk, kind=kind, reason=Reason.LIMIT, until=line.closes_at, detail=detail)


def _deadline(channel: Channel, at: datetime, *, started: bool) -> datetime:
    """When others may take the attempt for dead: the lease's end before the start, the last possible call's end after."""
    if not started:
        return lanes.lease_end(at)
    return at + timedelta(seconds=channel.deadline + BATCH_SECONDS)
