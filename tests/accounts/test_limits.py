from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.enums import WindowUnit
from accounts.limits import Book, Cap, Demand, Grant, give_back, reserve
from accounts.models import Account, Allowance, Limit, WarmUp
from accounts.services import set_limit
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def limited(limit: int, *, kind: str = "dm", **fields: object) -> Account:
    account = make_account(**fields)
    Limit.objects.create(account=account, kind=kind, limit=limit)
    return account


def take(account: Account, count: int, at: datetime = NOON, *caps: Cap, kind: str = "dm") -> list[Grant]:
    return reserve(Book.load(account), [Demand(kind, caps)] * count, at)


def granted(grants: list[Grant]) -> int:
    return sum(grant.allowance_ids is not None for grant in grants)


def used(owner: str) -> int:
    return Allowance.objects.get(owner=owner).used


def test_reserve_grants_the_limit_and_names_what_refused() -> None:
    account = limited(3)
    grants = take(account, 5)
    assert [grant.allowance_ids is not None for grant in grants] == [True, True, True, False, False]
    line = grants[-1].line
    assert line is not None
    assert (line.source, line.limit, line.used, line.left) == ("account", 3, 3, 0)
    assert line.closes_at == datetime(2026, 11, 23, tzinfo=UTC)
    row = Allowance.objects.get()
    assert (row.owner, row.kind, row.window, row.window_key) == (
        f"account:{account.pk}",
        "dm",
        "day",
        "2026-11-22",
    )
    assert (row.closes_at, row.limit, row.used) == (line.closes_at, 3, 3)


def test_urgent_acts_have_what_the_smallest_room_leaves_to_them() -> None:
    """The account's limit is lower, the network's reserve leaves less to what is not urgent: each counts for its own."""
    account = limited(5)
    Limit.objects.create(network=account.network, kind="dm", limit=6, reserve=4)
    demands = [Demand("dm"), Demand("dm"), Demand("dm"), *[Demand("dm", urgent=True)] * 4]
    grants = reserve(Book.load(account), demands, NOON)
    assert [grant.allowance_ids is not None for grant in grants] == [
        True,
        True,
        False,
        True,
        True,
        True,
        False,
    ]
    early, late = grants[2].line, grants[6].line
    assert early is not None
    assert late is not None
    assert (early.source, early.reserve, early.is_left_to_urgent_acts) == ("network", 4, True)
    assert (late.source, late.limit, late.used, late.is_left_to_urgent_acts) == ("account", 5, 5, False)
    assert used(f"account:{account.pk}") == 5


def test_reserve_without_any_limit_counts_nothing() -> None:
    account = limited(3, kind="follow")
    assert take(account, 2) == [Grant(()), Grant(())]
    assert not Allowance.objects.exists()


def test_reserve_nothing_asks_nothing() -> None:
    assert reserve(Book.load(make_account()), [], NOON) == []


def test_a_limit_of_zero_means_never() -> None:
    account = limited(0)
    assert granted(take(account, 2)) == 0
    assert used(f"account:{account.pk}") == 0


def test_a_batch_of_fifty_costs_two_statements() -> None:
    book = Book.load(limited(40))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        grants = reserve(book, [Demand("dm", (Cap("campaign:1", 45),))] * 50, NOON)
    assert granted(grants) == 40
    assert len(queries) == 2


def test_the_book_is_two_queries() -> None:
    account = limited(40)
    with CaptureQueriesContext(connection) as queries:
        Book.load(account)
    assert len(queries) == 2


def test_a_refused_demand_takes_from_no_counter() -> None:
    account = limited(10)
    assert granted(take(account, 5, NOON, Cap("campaign:1", 2))) == 2
    assert used(f"account:{account.pk}") == used("campaign:1") == 2


def test_two_campaigns_do_not_eat_each_others_cap() -> None:
    account = limited(10)
    one, two = Cap("campaign:1:account:1", 4), Cap("campaign:2:account:1", 4)
    demands = [Demand("dm", (cap,)) for cap in (one, one, one, one, one, two, two, two, two, two)]
    grants = reserve(Book.load(account), demands, NOON)
    assert [grant.allowance_ids is not None for grant in grants] == [*[True] * 4, False] * 2
    assert (used(one.owner), used(two.owner), used(f"account:{account.pk}")) == (4, 4, 8)
    assert granted(take(account, 5, NOON, Cap("campaign:3:account:1", 4))) == 2  # what the account has left


def test_network_account_and_warm_up_share_one_counter_and_the_smallest_counts() -> None:
    account = limited(9)
    Limit.objects.create(network="sandbox", kind="dm", limit=7)
    Limit.objects.create(network="mastodon", kind="dm", limit=1)
    assert granted(take(account, 20)) == 7
    WarmUp.objects.create(account=account, kind="dm", start=8, step=0, ceiling=8, started_on=NOON.date())
    assert granted(take(account, 20)) == 0
    Limit.objects.filter(network="sandbox").delete()
    assert granted(take(account, 20)) == 1
    assert used(f"account:{account.pk}") == 8


def test_a_networks_limit_counts_for_each_account_alone() -> None:
    Limit.objects.create(network="sandbox", kind="dm", limit=2)
    assert [granted(take(make_account(), 5)) for _ in range(3)] == [2, 2, 2]


def test_day_and_hour_both_count_and_the_later_to_close_refuses() -> None:
    account = limited(5)
    Limit.objects.create(account=account, kind="dm", window=WindowUnit.HOUR, limit=3)
    first = take(account, 4)
    assert granted(first) == 3
    assert first[-1].line is not None
    assert (first[-1].line.window, first[-1].line.closes_at) == ("hour", NOON + HOUR)
    second = take(account, 4, NOON + HOUR)
    assert granted(second) == 2
    assert second[-1].line is not None
    assert second[-1].line.window == "day"


def test_kinds_count_apart() -> None:
    account = limited(2)
    Limit.objects.create(account=account, kind="follow", limit=3)
    assert (granted(take(account, 9)), granted(take(account, 9, kind="follow"))) == (2, 3)


def test_a_lowered_limit_counts_at_once_and_given_back_units_do_not_lift_it() -> None:
    account = limited(50)
    grants = take(account, 30)
    set_limit(account=account, kind="dm", limit=20, by="test")
    assert granted(take(account, 5)) == 0
    assert Allowance.objects.get().limit == 20
    ids = [pk for grant in grants for pk in grant.allowance_ids or ()]
    give_back(ids[:10])
    assert granted(take(account, 5)) == 0
    give_back(ids[10:13])
    assert granted(take(account, 5)) == 3
    assert used(f"account:{account.pk}") == 20


def test_a_lowered_limit_counts_even_in_a_book_read_before() -> None:
    account = limited(50)
    book = Book.load(account)
    reserve(book, [Demand("dm")] * 15, NOON)
    set_limit(network="sandbox", kind="dm", limit=20, by="test")
    grants = reserve(book, [Demand("dm")] * 9, NOON)
    assert granted(grants) == 5
    assert grants[-1].line is not None
    assert grants[-1].line.limit == 20


def test_a_raised_limit_opens_the_window_again() -> None:
    account = limited(1)
    assert granted(take(account, 3)) == 1
    set_limit(account=account, kind="dm", limit=2, by="test")
    assert granted(take(account, 3)) == 1


def test_give_back_takes_repeats_and_never_goes_below_zero() -> None:
    account = limited(5)
    grants = take(account, 3, NOON, Cap("campaign:1", 5))
    ids = [pk for grant in grants for pk in grant.allowance_ids or ()]
    give_back(ids[:4])
    assert (used(f"account:{account.pk}"), used("campaign:1")) == (1, 1)
    give_back(ids)
    give_back([])
    assert (used(f"account:{account.pk}"), used("campaign:1")) == (0, 0)


def test_a_crash_before_commit_leaves_the_counters_exact() -> None:
    account = limited(5)
    take(account, 2)
    with pytest.raises(DatabaseError), transaction.atomic():
        take(account, 2, NOON, Cap("campaign:1", 5))
        raise DatabaseError("the connection is gone")
    assert used(f"account:{account.pk}") == 2
    assert not Allowance.objects.filter(owner="campaign:1").exists()


def test_a_negative_cap_is_refused() -> None:
    with pytest.raises(ValueError, match="campaign:1"):
        Cap("campaign:1", -1)


def test_explain_shows_every_limit_and_marks_the_one_that_wins() -> None:
    account = limited(9)
    Limit.objects.create(network="sandbox", kind="dm", limit=20)
    Limit.objects.create(account=account, kind="dm", window=WindowUnit.HOUR, limit=30)
    WarmUp.objects.create(
        account=account, kind="dm", start=6, step=1, ceiling=8, started_on=date(2026, 11, 21)
    )
    cap = Cap("campaign:1", 8)
    take(account, 2, NOON, Cap("campaign:1", 8))
    lines = Book.load(account).explain("dm", NOON, [cap, Cap("campaign:2", 100)])
    assert [(line.source, line.limit, line.used, line.left, line.wins) for line in lines] == [
        ("network", 20, 2, 18, False),
        ("account", 9, 2, 7, False),
        ("account", 30, 2, 28, False),
        ("warm_up", 7, 2, 5, True),
        ("campaign", 8, 2, 6, False),
        ("campaign", 100, 0, 100, False),
    ]


def test_explain_marks_one_winner_among_equals_and_none_without_limits() -> None:
    account = limited(5)
    Limit.objects.create(network="sandbox", kind="dm", limit=5)
    assert [line.source for line in Book.load(account).explain("dm", NOON) if line.wins] == ["network"]
    assert Book.load(account).explain("follow", NOON) == []


def test_explain_agrees_with_what_reserve_refuses() -> None:
    account = limited(3)
    cap = Cap("campaign:1", 2)
    refused = take(account, 3, NOON, cap)[-1].line
    (winner,) = [line for line in Book.load(account).explain("dm", NOON, [cap]) if line.wins]
    assert refused == winner
