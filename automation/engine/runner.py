"""One lane, from lease to release: recover, reconcile, then claim, call and settle until nothing is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog
from django.db import transaction

from accounts.models import Account
from automation.channels import registry
from automation.channels.base import Channel, Login
from automation.engine import acts, failpoints, lanes, outcomes, policy, recover, start
from automation.engine.acts import Answer, Outcome
from automation.engine.claim import BATCH_SECONDS, Claim, claim
from automation.engine.lanes import Lease, LeaseLost
from automation.engine.reconcile import reconcile

log = structlog.get_logger(__name__)


def run_lane(lease: Lease, *, go_on: Callable[[], bool]) -> int:
    """Do the lane's due work while ``go_on()``; returns the number of attempts called.

    The lane is given back whatever happens.
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
        finally:
            lanes.release(lease)


def open_channel(lease: Lease) -> Channel:
    """The driver for the lane's account, signed in with its credential."""
    account = Account.objects.select_related("credential").get(pk=lease.lane_id)
    return registry.open_channel(account.network, login_of(account))


def login_of(account: Account) -> Login:
    """What the account's channel needs to sign in."""
    credential = getattr(account, "credential", None)
    return Login(
        account_id=account.pk, handle=account.handle, server=account.server, remote_id=account.remote_id,
        secret=dict(credential.secret) if credential else {},
    )  # fmt: skip


def _work(lease: Lease, channel: Channel, go_on: Callable[[], bool]) -> int:
    called = 0
    more = unclear = True
    while go_on() and (more or unclear):
        if unclear and (overdue := recover.look(lease.lane_id)).any:
            if overdue.attempts:
                recover.recover(lease.lane_id)
            reconcile(lease, channel)
        claimed = claim(lease, channel, batch=policy.count("batch_size"))
        failpoints.reach("after_claim")
        results = _call(channel, claimed.claims)
        failpoints.reach("after_call")
        if results:
            called += len(results)
            settle(lease, results)
            failpoints.reach("after_settle")
        more = claimed.more
        unclear = any(result.answer is Answer.UNKNOWN for result in results)
    return called


def _call(channel: Channel, claims: Sequence[Claim]) -> list[Outcome]:
    if not claims:
        return []
    return call_batch(channel, claims) if channel.proves else call_one(channel, claims[0])


def call_batch(channel: Channel, claims: Sequence[Claim]) -> list[Outcome]:
    """Call for started attempts one after the other; what does not fit into the batch's time was never called."""
    began = time.monotonic()
    results = []
    for item in claims:
        failpoints.reach("before_call")
        # A worker that was stopped in between must not call: others may have its attempts by now.
        if time.monotonic() - began > BATCH_SECONDS:
            results.append(Outcome(item, Answer.NOT_CALLED))
        else:
            results.append(acts.perform(channel, item))
    return results


def call_one(channel: Channel, item: Claim) -> list[Outcome]:
    """Start one claimed attempt and call; empty when it may not start any more."""
    began = time.monotonic()
    if not start.begin(item, seconds=channel.deadline + BATCH_SECONDS):
        return []
    failpoints.reach("before_call")
    if time.monotonic() - began > BATCH_SECONDS:
        return [Outcome(item, Answer.NOT_CALLED)]
    return [acts.perform(channel, item)]


def settle(lease: Lease, results: Sequence[Outcome]) -> None:
    """Record what happened. An effect that breaks must not undo the record of acts that took place."""
    try:
        outcomes.settle(lease, results)
    except Exception:
        log.exception("settle_failed", tasks=[result.claim.task_id for result in results])
        if len(results) == 1:
            raise
        for result in results:
            with transaction.atomic():
                outcomes.settle(lease, [result])
