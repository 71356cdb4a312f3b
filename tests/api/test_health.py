"""Breakers, rates and the line for the browser as the API tells them."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automation.engine import lanes, rates
from automation.enums import BrowserUrgency, Reason
from automation.models import Breaker, BrowserWait
from tests.api.conftest import Caller
from tests.factories import make_account, make_lane


def test_breakers_lists_open_services_and_accounts_only(api: Caller) -> None:
    now = timezone.now()
    make_lane(failures=3)
    Breaker.objects.create(key="proxy", failures=2)
    Breaker.objects.create(
        key="llm", failures=7, opened_at=now, probe_at=now + timedelta(seconds=60), detail="502"
    )
    lane = make_lane(failures=5, breaker_opened_at=now)
    lanes.hold(lane.pk, kind="", reason=Reason.BREAKER_OPEN, until=now + timedelta(seconds=30), detail="503")
    service, account = api.get("/breakers").json()["data"]
    assert (service["kind"], service["service"], service["account_id"], service["detail"]) == (
        "service",
        "llm",
        None,
        "502",
    )
    assert (account["kind"], account["account_id"], account["failures"], account["detail"]) == (
        "account",
        lane.pk,
        5,
        "503",
    )
    assert service["retry_at"] > account["retry_at"] > account["opened_at"]


def test_services_are_told_on_the_first_page_only(api: Caller) -> None:
    now = timezone.now()
    Breaker.objects.create(key="llm", failures=7, opened_at=now, probe_at=now)
    ids = [make_lane(failures=5, breaker_opened_at=now).pk for _ in range(3)]
    first = api.get("/breakers", limit=2).json()
    rest = api.get("/breakers", limit=2, cursor=first["pagination"]["next_cursor"]).json()
    assert [row["account_id"] for row in first["data"] + rest["data"]] == [None, *reversed(ids)]
    assert rest["pagination"]["has_more"] is False


def test_rate_shows_the_pace_and_why_it_changed(api: Caller) -> None:
    now = timezone.now()
    lane = make_lane(
        rate=80, rate_reason="Slower: 20 of 100 acts in a minute failed.", rate_changed_at=now, minute_at=now,
        minute_taken=12, minute_failed=1,
    )  # fmt: skip
    shown = api.get(f"/accounts/{lane.pk}/rate").json()
    assert (shown["per_minute"], shown["taken"], shown["failed"]) == (80, 12, 1)
    assert shown["reason"].startswith("Slower")
    assert shown["minute_ends_at"][:19] == (now + rates.MINUTE).isoformat()[:19]


def test_rate_of_an_account_that_never_acted(api: Caller) -> None:
    shown = api.get(f"/accounts/{make_lane().pk}/rate").json()
    assert (shown["per_minute"], shown["taken"], shown["reason"], shown["minute_ends_at"]) == (
        100,
        0,
        "",
        None,
    )
    assert api.get(f"/accounts/{make_account().pk}/rate").status_code == 404


def test_browser_tells_who_waits_for_it(api: Caller) -> None:
    BrowserWait.objects.create(
        key="account:1", urgency=BrowserUrgency.LOW, since=Now() - timedelta(seconds=30)
    )
    with CaptureQueriesContext(connection) as queries:
        told = api.get("/browser").json()
    assert (told["taken"], told["in_line"], told["critical"], told["low"]) == (0, 1, 0, 1)
    assert 30 <= told["longest_wait"] < 40
    assert len(queries) <= 8
