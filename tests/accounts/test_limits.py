from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import WindowUnit
from accounts.limits import Book, Cap, Demand, Grant, give_back, reserve
from accounts.models import Account, Allowance, Limit, WarmUp
from accounts.services import change_time_zone, set_limit
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


@pytest.mark.parametrize(
    ("zone", "opens", "hours"),
    [
        ("Europe/Berlin", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-24T22:00", 25),
        ("Asia/Kolkata", "2026-11-21T18:30", 24),
        ("Pacific/Kiritimati", "2026-11-21T10:00", 24),
        ("Etc/GMT+12", "2026-11-22T12:00", 24),
    ],
)
def test_a_local_day_gets_one_allowance_however_long_it_is(zone: str, opens: str, hours: int) -> None:
    account = limited(10, time_zone=zone)
    opens_at = datetime.fromisoformat(opens).replace(tzinfo=UTC)
    per_hour = [granted(take(account, 1, opens_at + HOUR * hour)) for hour in range(hours)]
    assert sum(per_hour) == 10
    assert granted(take(account, 1, opens_at - HOUR)) == 1  # the day before
    assert granted(take(account, 1, opens_at + HOUR * hours)) == 1  # the day after


def test_the_repeated_hour_gets_an_hourly_allowance_each_time() -> None:
    account = make_account(time_zone="Europe/Berlin")
    Limit.objects.create(account=account, kind="dm", window=WindowUnit.HOUR, limit=2)
    for at in ("2026-10-25T00:30", "2026-10-25T01:30"):
        assert granted(take(account, 5, datetime.fromisoformat(at).replace(tzinfo=UTC))) == 2


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_zone_edited_at_noon_gives_no_extra_unit(zone: str) -> None:
    account = limited(5, time_zone="Europe/Berlin")
    noon = datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert granted(take(account, 9, noon)) == 5
    change_time_zone(account=account, time_zone=zone, by="test", at=noon)
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert account.next_time_zone_at == midnight
    assert all(granted(take(account, 9, noon + HOUR * hour)) == 0 for hour in range(12))
    # From the old midnight on each date of the new calendar still gets one allowance, those begun before none.
    new_dates = {(midnight + HOUR * hour).astimezone(ZoneInfo(zone)).date() for hour in range(48)}
    taken = sum(granted(take(account, 9, midnight + HOUR * hour)) for hour in range(48))
    assert taken == 5 * len(new_dates - {date(2026, 11, 22)})


def test_a_warm_up_rises_by_local_days_to_its_ceiling() -> None:
    ramp = WarmUp(start=5, step=2, ceiling=10, started_on=date(2026, 11, 1))
    days = [date(2026, 10, 31), *(date(2026, 11, day) for day in range(1, 6))]
    assert [ramp.limit_on(day) for day in days] == [5, 5, 7, 9, 10, 10]


def test_a_paused_warm_up_stands_still_and_goes_on_limiting() -> None:
    ramp = WarmUp(start=5, step=2, ceiling=50, started_on=date(2026, 11, 1), paused_on=date(2026, 11, 3))
    assert ramp.limit_on(date(2026, 11, 2)) == 7
    assert [ramp.limit_on(date(2026, 11, day)) for day in (3, 4, 20)] == [9, 9, 9]
    ramp.paused_on, ramp.paused_days = None, 17
    assert [ramp.limit_on(date(2026, 11, day)) for day in (20, 21)] == [9, 11]


def test_reserve_obeys_the_ramp_on_the_accounts_own_calendar() -> None:
    account = make_account(time_zone="Pacific/Kiritimati")
    WarmUp.objects.create(
        account=account, kind="dm", start=1, step=1, ceiling=9, started_on=date(2026, 11, 22)
    )
    assert granted(take(account, 9, datetime(2026, 11, 22, 9, tzinfo=UTC))) == 1
    assert granted(take(account, 9, datetime(2026, 11, 22, 11, tzinfo=UTC))) == 2  # the 23rd there


# Every offset and every change of one is a multiple of this in the zones and years below.
STEP = timedelta(minutes=15)
MOVES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati",
         "Etc/GMT+12", "Australia/Lord_Howe", "Africa/Cairo"]  # fmt: skip


class Calendar:
    """What the account's calendar shows, worked out by walking the clock; shares no code with the product."""

    def __init__(self, zone: str) -> None:
        self.zone, self.next_zone, self.moves_at = zone, "", datetime.max.replace(tzinfo=UTC)

    def date(self, at: datetime) -> date:
        if at >= self.moves_at:
            self.zone, self.moves_at = self.next_zone, datetime.max.replace(tzinfo=UTC)
        return at.astimezone(ZoneInfo(self.zone)).date()

    def move(self, zone: str, at: datetime) -> None:
        today = self.date(at)
        midnight = at.replace(minute=at.minute // 15 * 15, second=0)
        while midnight <= at or midnight.astimezone(ZoneInfo(self.zone)).date() == today:
            midnight += STEP
        self.next_zone, self.moves_at = zone, midnight


steps = st.lists(
    st.tuples(st.integers(1, 26 * 60), st.one_of(st.integers(1, 6), st.sampled_from(MOVES))),
    min_size=5,
    max_size=30,
)
starts = st.sampled_from([NOON, datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, 5, tzinfo=UTC)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=starts, zone=st.sampled_from(MOVES), steps=steps)
def test_no_local_date_ever_gets_more_than_its_limit(
    start: datetime, zone: str, steps: list[tuple[int, int | str]]
) -> None:
    account, calendar = limited(4, time_zone=zone), Calendar(zone)
    spent: dict[date, int] = {}
    at = start
    for minutes, step in steps:
        at += timedelta(minutes=minutes)
        today = calendar.date(at)
        if isinstance(step, str):
            change_time_zone(account=account, time_zone=step, by="test", at=at)
            calendar.move(step, at)
            continue
        free = 4 - spent.get(today, 0)
        spent[today] = spent.get(today, 0) + granted(take(account, step, at))
        assert spent[today] == 4 - free + min(
            step, free
        )  # never more than the limit, and never less than owed
