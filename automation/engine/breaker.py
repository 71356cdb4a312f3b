"""The breaker of a lane: a network that keeps failing is left alone for a while, then tried with a single act.

Those of outside services that no lane belongs to are in ``automation.breakers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from automation.engine import lanes, policy, rates
from automation.engine.lanes import Lease
from automation.engine.shapes import Answer, Outcome
from automation.enums import Reason
from automation.models import Hold, Lane
from outreach.lib import clock, events

MOST_COUNTED = 30_000


def not_closed() -> QuerySet[Lane]:
    """Lanes whose breaker is open, each with ``retry_at`` and ``detail`` of its hold."""
    hold = Hold.objects.filter(lane=OuterRef("pk"), kind="", reason=Reason.BREAKER_OPEN)
    return Lane.objects.filter(breaker_opened_at__isnull=False).annotate(
        retry_at=Subquery(hold.values("until")[:1]), detail=Subquery(hold.values("detail")[:1])
    )


def is_failure(outcome: Outcome) -> bool:
    """Whether the network failed, as far as the breaker is concerned."""
    later = outcome.answer is Answer.LATER and outcome.reason == Reason.RETRY
    return later or outcome.answer is Answer.UNKNOWN


def is_success(outcome: Outcome) -> bool:
    """Whether the network answered as it should, be it with a no."""
    refused = outcome.answer is Answer.REFUSED and outcome.reason != Reason.UNSUPPORTED
    return refused or outcome.answer is Answer.DONE


def count(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Failures in a row open the breaker, which holds the lane; the next success, a single probe, closes it.

    Errors are counted for the lane's rate in the same UPDATE; where all goes well and went well, there is none.
    """
    failed, succeeded = _in_a_row(outcomes)
    redeemed = succeeded and any(outcome.claim.on_probation for outcome in outcomes)
    if not failed and not redeemed and not rates.matters(outcomes):
        return
    with transaction.atomic():
        lane = Lane.objects.select_for_update(no_key=True).get(pk=lease.lane_id)
        changed = rates.count(lane, outcomes)
        if failed or succeeded:
            changed += _count(lane, failed, succeeded, _last_error(outcomes))
        if changed:
            lane.save(update_fields=changed)


def count_silence(lease: Lease, error: str) -> None:
    """A question that found no answer counts like an act that found none: the network fails, whatever it is asked."""
    with transaction.atomic():
        lane = Lane.objects.select_for_update(no_key=True).get(pk=lease.lane_id)
        if changed := _count(lane, 1, False, error):
            lane.save(update_fields=changed)


def _in_a_row(outcomes: Sequence[Outcome]) -> tuple[int, bool]:
    """Failures since the last success, and whether there was one."""
    failed, succeeded = 0, False
    for outcome in outcomes:
        if is_success(outcome):
            failed, succeeded = 0, True
        elif is_failure(outcome):
            failed += 1
    return failed, succeeded


def _last_error(outcomes: Sequence[Outcome]) -> str:
    return next((outcome.error for outcome in reversed(outcomes) if outcome.error), "")


def _count(lane: Lane, failed: int, succeeded: bool, error: str) -> list[str]:
    """Open, leave or close the breaker; returns the fields to save."""
    failures = failed if succeeded else lane.failures + failed
    opened = was = lane.breaker_opened_at
    if failed and (was or failures >= policy.count("breaker_failures")):
        now = clock.database_now()
        opened = was or now
        until = now + timedelta(seconds=policy.seconds("breaker_seconds"))
        lanes.hold(lane.pk, kind="", reason=Reason.BREAKER_OPEN, until=until, detail=error)
    elif succeeded:
        opened = None
    if (opened is None) != (was is None):
        events.emit(
            "breaker.opened" if opened else "breaker.closed", model="account", ids=[lane.pk], by="engine",
            network=lane.network, failures=failures, detail=error,
        )  # fmt: skip
    if failures == lane.failures and opened == was:
        return []
    lane.failures, lane.breaker_opened_at = min(failures, MOST_COUNTED), opened
    return ["failures", "breaker_opened_at"]
