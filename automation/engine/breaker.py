"""The breaker of a lane: a network that keeps failing is left alone for a while, then tried with a single act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from automation.engine import lanes, policy
from automation.engine.acts import Answer, Outcome
from automation.engine.lanes import Lease
from automation.enums import Reason
from automation.models import Lane
from outreach.lib import clock, events


def is_failure(outcome: Outcome) -> bool:
    """Whether the network failed, as far as the breaker is concerned."""
    later = outcome.answer is Answer.LATER and outcome.reason == Reason.RETRY
    return later or outcome.answer is Answer.UNKNOWN


def count(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """The breaker: failures in a row open it, which holds the lane; the next success, a single probe, closes it."""
    failed = 0
    succeeded = False
    for outcome in outcomes:
        if outcome.answer is Answer.DONE or (
            outcome.answer is Answer.REFUSED and outcome.reason != Reason.UNSUPPORTED
        ):
            failed, succeeded = 0, True
        elif is_failure(outcome):
            failed += 1
    if not failed and not succeeded:
        return
    lane = Lane.objects.select_for_update(no_key=True).get(pk=lease.lane_id)
    failures = failed if succeeded else lane.failures + failed
    if failures == lane.failures and not (succeeded and lane.breaker_opened_at):
        return
    opened = lane.breaker_opened_at
    if failures >= policy.count("breaker_failures") or (opened and failed):
        now = clock.database_now()
        opened = opened or now
        lanes.hold(
            lane.pk, kind="", reason=Reason.BREAKER_OPEN, until=now + timedelta(seconds=policy.seconds("breaker_seconds")),
            detail=next((o.error for o in reversed(outcomes) if o.error), ""),
        )  # fmt: skip
    elif succeeded:
        opened = None
    if (opened is None) != (lane.breaker_opened_at is None):
        events.emit("breaker.opened" if opened else "breaker.closed", model="account", ids=[lane.pk])
    lane.failures, lane.breaker_opened_at = min(failures, 30_000), opened
    lane.save(update_fields=["failures", "breaker_opened_at"])
