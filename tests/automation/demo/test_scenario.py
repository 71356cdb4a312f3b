"""When the demo is over: nothing is left that could still happen today."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.enums import ActionKind
from automation.channels.demo import Plan
from automation.demo.scenario import Run, due_now
from automation.engine import lanes
from automation.enums import Reason, TaskState
from automation.models import Lane
from outreach.lib import clock
from tests.factories import make_lane, make_task

pytestmark = pytest.mark.django_db
SECONDS, HOURS = timedelta(seconds=5), timedelta(hours=5)


@pytest.fixture
def lane() -> Lane:
    return make_lane()


def is_due(lane: Lane, **fields: Any) -> bool:
    task = make_task(lane, **{"kind": ActionKind.REPLY, "due_at": clock.database_now() + SECONDS, **fields})
    plan = Plan(sources=(), keywords=(), texts=("Hello",), posts=(), answer="Thanks")
    return list(due_now(Run("sandbox", plan, [lane.account]))) == [task]


def test_an_act_that_nothing_holds_is_waited_for(lane: Lane) -> None:
    assert is_due(lane)


def test_an_act_that_waits_a_moment_is_waited_for(lane: Lane) -> None:
    lanes.hold(lane.pk, kind="", reason=Reason.RETRY, until=clock.database_now() + SECONDS)
    assert is_due(lane)


@pytest.mark.parametrize("until", [HOURS, None])
def test_an_act_that_waits_for_tomorrow_or_for_somebody_is_not(lane: Lane, until: timedelta | None) -> None:
    ends = clock.database_now() + until if until else None
    lanes.hold(lane.pk, kind=ActionKind.REPLY, reason=Reason.LIMIT, until=ends)
    assert not is_due(lane)


@pytest.mark.parametrize(
    "fields",
    [
        {"due_at": None, "state": TaskState.UNKNOWN, "reason": Reason.PARKED},
        {"due_at": None, "state": TaskState.COMPLETED},
        {"kind": ActionKind.FETCH_INBOX},
    ],
)
def test_what_is_over_or_parked_or_only_reads_is_not_waited_for(lane: Lane, fields: dict[str, Any]) -> None:
    assert not is_due(lane, **fields)


def test_later_is_not_waited_for(lane: Lane) -> None:
    assert not is_due(lane, due_at=clock.database_now() + HOURS)
