"""Many workers at one counter, each on a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from accounts.limits import Book, Cap, Demand, Grant, give_back, reserve
from accounts.models import Allowance, Limit
from tests.factories import make_account

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RACERS = 64

pytestmark = pytest.mark.django_db(transaction=True)


def race(run: Callable[[int], int], racers: int = RACERS) -> int:
    """The sum of what ``run`` returns to each racer; all start together, and any error fails the race."""
    together = threading.Barrier(racers)

    def racer(number: int) -> int:
        try:
            connection.ensure_connection()
            together.wait()
            return run(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(racers) as pool:
        return sum(pool.map(racer, range(racers)))


def granted(grants: list[Grant]) -> int:
    return sum(grant.allowance_ids is not None for grant in grants)


def test_64_racers_on_a_limit_of_50_get_exactly_50_in_every_round() -> None:
    account = make_account()
    Limit.objects.create(account=account, kind="dm", limit=50)
    for day in range(1, 11):
        at = NOON.replace(day=day)

        def one(_: int, at: datetime = at) -> int:
            with transaction.atomic():
                return granted(reserve(Book.load(account), [Demand("dm")], at))

        assert race(one) == 50
        assert Allowance.objects.get(window_key=at.date().isoformat()).used == 50


def test_racers_in_batches_never_pass_the_limit() -> None:
    account = make_account()
    Limit.objects.create(account=account, kind="dm", limit=500)

    def batches(_: int) -> int:
        total = 0
        for _ in range(5):
            with transaction.atomic():
                total += granted(reserve(Book.load(account), [Demand("dm")] * 7, NOON))
        return total

    assert race(batches, 32) == 500
    assert Allowance.objects.get().used == 500


def test_lanes_sharing_campaign_counters_never_deadlock_and_count_exactly() -> None:
    accounts = [make_account() for _ in range(RACERS)]
    for account in accounts:
        Limit.objects.create(account=account, kind="dm", limit=30)
    caps = [Cap(f"campaign:{number}", 200) for number in range(4)]

    def lane(number: int) -> int:
        book, kept = Book.load(accounts[number]), 0
        for turn in range(8):
            # Each lane names the shared counters in another order; a fixed order of locks is what saves it.
            mixed = caps[(number + turn) % 4 :] + caps[: (number + turn) % 4]
            with transaction.atomic():
                grants = reserve(book, [Demand("dm", (cap,)) for cap in mixed], NOON)
            kept += granted(grants)
            if turn % 2:
                ids = [pk for grant in grants for pk in grant.allowance_ids or ()]
                give_back(reversed(ids))
                kept -= granted(grants)
        return kept

    total = race(lane)
    owned = dict(Allowance.objects.values_list("owner", "used"))
    assert sum(owned[cap.owner] for cap in caps) == total
    assert sum(count for owner, count in owned.items() if owner.startswith("account:")) == total
    assert all(owned[cap.owner] <= 200 for cap in caps)


def test_a_worker_that_dies_before_commit_costs_nobody_a_unit() -> None:
    account = make_account()
    Limit.objects.create(account=account, kind="dm", limit=20)

    def mortal(number: int) -> int:
        try:
            with transaction.atomic():
                grants = reserve(Book.load(account), [Demand("dm")], NOON)
                if number % 2:
                    connection.connection.close()  # as after kill -9: no rollback is sent, the server notices
                    raise ConnectionError
        except Exception as gone:
            if number % 2:
                return 0
            raise gone
        return granted(grants)

    assert race(mortal, 40) == 20
    assert Allowance.objects.get().used == 20


def test_reserve_outside_a_transaction_is_refused() -> None:
    account = make_account()
    Limit.objects.create(account=account, kind="dm", limit=3)
    with pytest.raises(transaction.TransactionManagementError, match=r"atomic\(\)"):
        reserve(Book.load(account), [Demand("dm")], NOON)
    assert not Allowance.objects.exists()
