"""What operators hear of the browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from automation.enums import BrowserUrgency
from automation.models import BrowserWait
from monitoring import alerts, heartbeats
from monitoring.alerts import sources
from monitoring.checks import browser
from monitoring.health import State, examine
from outreach.lib.clock import database_now

pytestmark = pytest.mark.django_db


def said() -> list[tuple[str, str]]:
    return [(finding.subject, finding.message) for finding in browser.look(database_now())]


def wait(number: int, seconds: float) -> None:
    BrowserWait.objects.create(
        key=f"account:{number}", urgency=BrowserUrgency.LOW, since=Now() - timedelta(seconds=seconds)
    )


def test_no_browser_and_no_line_is_well() -> None:
    assert said() == []


def test_degraded_browser_is_an_error_that_says_why_and_degrades_health() -> None:
    heartbeats.beat("browser@here:1", "browser", {"state": "degraded", "reason": "No Chromium is installed."})
    [(subject, message)] = said()
    assert subject == "browser"
    assert "No Chromium is installed." in message
    [part] = [part for part in examine() if part.name == "browser"]
    assert (part.state, part.reason) == (State.DEGRADED, "No Chromium is installed.")


def test_alert_is_raised_once_and_resolved_when_it_heals() -> None:
    heartbeats.beat("browser@here:1", "browser", {"state": "degraded", "reason": "Broken."})
    sources.follow_checks()
    sources.follow_checks()
    assert alerts.open_alerts().filter(key="check:browser").count() == 1
    heartbeats.beat("browser@here:1", "browser", {"state": "ready"})
    sources.follow_checks()
    assert not alerts.open_alerts().filter(key="check:browser").exists()


def test_line_of_ten_is_well_and_of_eleven_is_not() -> None:
    for number in range(10):
        wait(number, 5)
    assert said() == []
    wait(10, 5)
    assert [subject for subject, _ in said()] == ["browser_line"]
    assert "11 wait" in said()[0][1]


def test_waiting_for_more_than_five_minutes_is_not_well() -> None:
    wait(1, 290)
    assert said() == []
    wait(2, 310)
    assert [subject for subject, _ in said()] == ["browser_line"]


def test_alert_for_a_long_line_resolves_when_it_is_short_again() -> None:
    wait(1, 310)
    sources.follow_checks()
    assert alerts.open_alerts().filter(key="check:browser_line").count() == 1
    BrowserWait.objects.all().delete()
    sources.follow_checks()
    assert not alerts.open_alerts().filter(key="check:browser_line").exists()
