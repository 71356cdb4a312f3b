"""One lane, from lease to release: recover, reconcile, then claim, call and settle until nothing is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from django.db import DatabaseError

from accounts.models import Account
from automation.channels import registry
from automation.channels.base import AuthFailed, Channel, ChannelError, TryLater
from automation.channels.closed import ClosedChannel
from automation.engine import acts, breaker, effects, failpoints, lanes, outcomes, policy, recover, start
from automation.engine.claim import BATCH_SECONDS, claim
from automation.engine.lanes import Lease, LeaseLost
from automation.engine.logins import login_of
from automation.engine.reconcile import reconcile
from automation.engine.shapes import Answer, Claim, Outcome
from automation.enums import Reason
from outreach.lib import clock, net
from outreach.lib.crypto import WrongKey

log = structlog.get_logger(__name__)


REST_SECONDS = 30.0
MOMENT_SECONDS = 1.0  # after the database's own trouble, which passes by itself
TURN_SECONDS = 5.0  # then other due lanes come first, however much this one has left


def run_lane(lease: Lease, *, go_on: Callable[[], bool]) -> int:
    """Do the lane's due work for a turn, while ``go_on()``; returns the number of attempts called.

    The lane is given back whatever happens. One that cannot be run at all rests for a while and says why.
    """
    with structlog.contextvars.bound_contextvars(lane=lease.lane_id):
        try:
            channel = open_channel(lease)
            try:
                return _work(lease, channel, go_on)
            finally:
                channel.close()
        except LeaseLost as lost:
            log.info("lease_lost", detail=str(lost))
            return 0
        except Exception as error:
            _rest(lease, error)
            raise
        finally:
            failpoints.reach("before_release")
            lanes.release(lease)


def _rest(lease: Lease, error: Exception) -> None:
    """Without a pause the lane would be due again at once, and fail again at once."""
    passing = isinstance(error, effects.PASSING)
    until = clock.database_now() + timedelta(seconds=MOMENT_SECONDS if passing else REST_SECONDS)
    detail = f"The lane could not be run: {type(error).__name__}: {error}"
    lanes.hold(lease.lane_id, kind="", reason=Reason.RETRY, until=until, detail=detail)


def open_channel(lease: Lease) -> Channel:
    """The driver for the lane's account, signed in with its credential; one that cannot sign in answers every call so."""
    account = Account.objects.select_related("credential").get(pk=lease.lane_id)
    try:
        return registry.open_channel(account.network, login_of(account))
    except TryLater as error:
        return ClosedChannel(account.network, error)
    except (ChannelError, WrongKey) as error:
        return ClosedChannel(account.network, AuthFailed(str(error)))
    except registry.NotInstalled as missing:
        return ClosedChannel(account.network, AuthFailed(str(missing)))


def _work(lease: Lease, channel: Channel, go_on: Callable[[], bool]) -> int:
    called = 0
    more = unclear = True
    size = policy.count("batch_size") if channel.proves else 1
    ends = time.monotonic() + TURN_SECONDS
    while go_on() and (more or unclear) and time.monotonic() < ends:
        if unclear and (overdue := recover.look(lease.lane_id)).any:
            if overdue.attempts:
                recover.recover(lease.lane_id)
            reconcile(lease, channel)
        began = time.monotonic()  # not after the claim: the attempts' deadline counts from there
        failpoints.reach("before_claim")
        claimed = claim(lease, channel, batch=size)
        failpoints.reach("after_claim")
        results = _call(lease, channel, claimed.claims, began)
        size = _next_size(size, results, time.monotonic() - began)
        called += len(results)
        more = claimed.more
        unclear = any(result.answer is Answer.UNKNOWN for result in results)
    return called


def _next_size(size: int, results: Sequence[Outcome], seconds: float) -> int:
    """How many to claim next: what fits into two thirds of a batch's time at the pace of this one, at most twice as many."""
    called = sum(result.answer is not Answer.NOT_CALLED for result in results)
    if called < len(results):
        return max(1, called)
    if called < size:
        return size
    fitting = int(called * BATCH_SECONDS / 1.5 / seconds)
    return max(1, min(fitting, size * 2, policy.count("batch_ceiling")))


def _call(lease: Lease, channel: Channel, claims: Sequence[Claim], began: float) -> list[Outcome]:
    """Call for what was claimed and record what came of it: of all at once where the channel proves its acts."""
    if not channel.proves:
        return call_each(lease, channel, claims, began)
    results = call_batch(channel, claims, began)
    failpoints.reach("after_call")
    settle(lease, results)
    return results


def call_batch(channel: Channel, claims: Sequence[Claim], began: float) -> list[Outcome]:
    """Call for attempts that were started at ``began`` (or a little later), one after the other.

    What does not fit into the batch's time was never called, nor was what follows an answer that forbids going on.
    """
    results: list[Outcome] = []
    for item in claims:
        failpoints.reach("before_call")
        # A worker that was stopped in between must not call: others may have its attempts by now.
        if time.monotonic() - began > BATCH_SECONDS or _must_stop(results):
            results.append(Outcome(item, Answer.NOT_CALLED))
        else:
            # It may be stopped after that look, too: then the connection refuses to send.
            with net.until(began + BATCH_SECONDS + channel.deadline):
                results.append(acts.perform(channel, item))
    return results


def _must_stop(results: Sequence[Outcome]) -> bool:
    """Told to slow down, refused our credentials, or failing as often in a row as opens the breaker."""
    called = [result for result in results if result.answer is not Answer.NOT_CALLED]
    if called and called[-1].reason in (Reason.RATE_LIMITED, Reason.CREDENTIALS):
        return True
    latest = called[-policy.count("breaker_failures") :]
    return len(latest) == policy.count("breaker_failures") and all(breaker.is_failure(one) for one in latest)


def call_each(lease: Lease, channel: Channel, claims: Sequence[Claim], began: float) -> list[Outcome]:
    """Start, call and record one claimed attempt after the other, so that a crash leaves no more than one unclear.

    What does not fit into the batch's time was never started; what may not start any more is left out.
    """
    results: list[Outcome] = []
    for item in claims:
        if results and (time.monotonic() - began > BATCH_SECONDS or _must_stop(results)):
            results.append(Outcome(item, Answer.NOT_CALLED))
        elif outcome := call_one(channel, item):
            failpoints.reach("after_call")
            record(lease, [outcome])
            results.append(outcome)
    record(lease, [result for result in results if result.answer is Answer.NOT_CALLED])
    breaker.count(lease, results)
    failpoints.reach("after_settle")
    return results


def call_one(channel: Channel, item: Claim) -> Outcome | None:
    """Start one claimed attempt and call; ``None`` when it may not start any more."""
    began = time.monotonic()
    if not start.begin(item, seconds=channel.deadline + BATCH_SECONDS):
        return None
    failpoints.reach("before_call")
    if time.monotonic() - began > BATCH_SECONDS:
        return Outcome(item, Answer.NOT_CALLED)
    with net.until(began + BATCH_SECONDS + channel.deadline):
        return acts.perform(channel, item)


def settle(lease: Lease, results: Sequence[Outcome]) -> None:
    """Record what happened, and count it for the lane's breaker and rate."""
    record(lease, results)
    breaker.count(lease, results)
    failpoints.reach("after_settle")


def record(lease: Lease, results: Sequence[Outcome]) -> None:
    """Record what happened; if one outcome cannot be recorded, it must not take the others' record with it."""
    if not results:
        return
    try:
        outcomes.settle(lease, results)
    except DatabaseError:
        if len(results) == 1:
            raise
        log.exception("settle_failed", tasks=[result.claim.task_id for result in results])
        for result in results:
            outcomes.settle(lease, [result])
