"""From a reading to a health, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.enums import Health
from automation.health.reading import Reading
from automation.health.rules import judge, rested

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def after(now_is: Health, *, since: datetime | None = LONG_AGO, **reading: object) -> Health:
    return judge(now_is, since, Reading(**reading), NOW).health  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("refused", "troubled", "expected"),
    [
        (0, 0, Health.HEALTHY), (4, 0, Health.HEALTHY), (5, 0, Health.WATCH), (0, 5, Health.WATCH), (12, 0, Health.WATCH),
        (13, 0, Health.THROTTLED), (0, 25, Health.THROTTLED), (24, 0, Health.THROTTLED), (25, 0, Health.QUARANTINED),
    ],
)  # fmt: skip
def test_share_of_the_last_fifty_decides(refused: int, troubled: int, expected: Health) -> None:
    assert after(Health.HEALTHY, counted=50, refused=refused, troubled=troubled) == expected


def test_an_outage_slows_down_and_never_takes_out() -> None:
    assert after(Health.HEALTHY, counted=50, troubled=50) == Health.THROTTLED
    assert after(Health.THROTTLED, counted=50, troubled=50) == Health.THROTTLED


def test_a_few_tasks_say_nothing() -> None:
    assert after(Health.HEALTHY, counted=9, refused=9) == Health.HEALTHY
    assert after(Health.HEALTHY, counted=19, refused=19) == Health.THROTTLED


def test_a_network_that_asks_for_a_long_wait_throttles() -> None:
    assert after(Health.HEALTHY, slowed_until=NOW + timedelta(minutes=10)) == Health.HEALTHY
    assert after(Health.HEALTHY, slowed_until=NOW + timedelta(hours=2)) == Health.THROTTLED
    assert after(Health.THROTTLED, counted=50, slowed_until=NOW + timedelta(hours=2)) == Health.THROTTLED


def test_better_is_one_step_at_a_time_and_needs_more_than_worse_did() -> None:
    just_below = {"counted": 50, "refused": 12}  # under what throttles, above what ends it
    assert after(Health.THROTTLED, **just_below) == Health.THROTTLED
    assert after(Health.THROTTLED, counted=50) == Health.WATCH
    assert after(Health.WATCH, counted=50, refused=4) == Health.WATCH
    assert after(Health.WATCH, counted=50, refused=2) == Health.HEALTHY


def test_better_takes_half_an_hour() -> None:
    assert after(Health.WATCH, since=NOW - timedelta(minutes=29), counted=50) == Health.WATCH
    assert after(Health.WATCH, since=NOW - timedelta(minutes=30), counted=50) == Health.HEALTHY


def test_an_account_that_does_little_gets_better_after_hours_without_trouble() -> None:
    assert after(Health.THROTTLED, since=NOW - timedelta(hours=5), counted=2) == Health.THROTTLED
    assert after(Health.THROTTLED, since=NOW - timedelta(hours=6), counted=2, refused=1) == Health.THROTTLED
    assert after(Health.THROTTLED, since=NOW - timedelta(hours=6), counted=2) == Health.WATCH


def test_a_border_case_does_not_flicker() -> None:
    """Five and four refusals of fifty in turn: once watch, then it stays."""
    now_is, seen = Health.HEALTHY, []
    for refused in (5, 4, 5, 4, 5, 4):
        now_is = after(now_is, counted=50, refused=refused)
        seen.append(now_is)
    assert seen == [Health.WATCH] * 6


def test_quarantine_is_left_by_resting_only() -> None:
    assert after(Health.QUARANTINED, counted=50) == Health.QUARANTINED
    assert not rested(NOW - timedelta(hours=5, minutes=59), NOW)
    assert rested(NOW - timedelta(hours=6), NOW)


def test_reason_names_the_figures() -> None:
    verdict = judge(Health.HEALTHY, None, Reading(counted=50, refused=6, troubled=3), NOW)
    assert verdict.reason == (
        "Of the last 50 tasks 6 were refused by the network and 3 were done only after trouble, or not at all."
    )
    assert judge(Health.HEALTHY, None, Reading(counted=50), NOW).reason == ""
