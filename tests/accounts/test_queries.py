from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import queries
from accounts.enums import AccountStatus
from accounts.limits import Book, Cap, Demand, reserve
from accounts.models import Account
from accounts.services import set_limit
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def take(account: Account, kind: str, count: int, at: datetime, *caps: Cap) -> None:
    reserve(Book.load(account), [Demand(kind, caps)] * count, at)


def test_usage_is_each_accounts_own_today_in_one_query() -> None:
    set_limit(network="sandbox", kind="dm", limit=9, by="ann")
    set_limit(network="sandbox", kind="dm", window="hour", limit=9, by="ann")
    set_limit(network="sandbox", kind="follow", limit=4, by="ann")
    berlin, tokyo, idle = (
        make_account(time_zone="Europe/Berlin"),
        make_account(time_zone="Asia/Tokyo"),
        make_account(),
    )
    at = datetime(2026, 11, 22, 16, tzinfo=UTC)  # the 22nd in Berlin, the 23rd in Tokyo
    for account in (berlin, tokyo):
        take(account, "dm", 3, at - timedelta(hours=2))
    take(berlin, "follow", 1, at, Cap("campaign:1", 2))
    take(tokyo, "dm", 2, at)
    with CaptureQueriesContext(connection) as captured:
        usage = queries.usage([berlin, tokyo, idle], at)
    assert usage == {
        berlin.pk: {"dm": queries.Usage("dm", 3, 9), "follow": queries.Usage("follow", 1, 4)},
        tokyo.pk: {"dm": queries.Usage("dm", 2, 9)},
        idle.pk: {},
    }
    assert len(captured) == 1


def test_limit_stack_shows_every_kind_in_three_queries() -> None:
    account = make_account()
    for kind in ("dm", "follow", "like"):
        set_limit(account=account, kind=kind, limit=9, by="ann")
    set_limit(network="sandbox", kind="dm", limit=7, by="ann")
    take(account, "dm", 2, NOON)
    with CaptureQueriesContext(connection) as captured:
        stack = queries.limit_stack(account, NOON)
    assert len(captured) == 3
    assert list(stack) == ["dm", "follow", "like"]
    assert [(line.source, line.left, line.wins) for line in stack["dm"]] == [
        ("network", 5, True),
        ("account", 7, False),
    ]


def test_counts_name_every_status() -> None:
    make_account()
    make_account(status=AccountStatus.PAUSED)
    make_account(network="mastodon", status=AccountStatus.PAUSED)
    counts = queries.count_by_status()
    assert set(counts) == set(AccountStatus.values)
    assert (counts["active"], counts["paused"], counts["error"]) == (1, 2, 0)
    assert queries.count_by_network() == {"sandbox": {"active": 1, "paused": 1}, "mastodon": {"paused": 1}}
