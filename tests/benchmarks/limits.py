"""Units reserved a second: in batches, as the engine does it, and one by one with the bare UPDATE. And no unit too many."""

from __future__ import annotations

import multiprocessing
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from tests.benchmarks import environment, figures, report, seed
from tests.benchmarks.rivals import contenders

# isort: split
from django.db import connection, transaction

from accounts import limits
from accounts.enums import ActionKind
from accounts.models import Account, Limit
from outreach.lib import clock

SUMMARY = (
    "Units a second reserved by 8 clients on 100 counters: `reserve` in batches of 50 with the account's book read each "
    "time, as the engine does, and `update` by pgbench with one bare conditional UPDATE a unit. `overruns` counts units "
    "granted above the limit when the 8 clients race for limits that are too small for them."
)
KIND = ActionKind.FOLLOW
RACE_LIMIT = 777  # no multiple of a batch, so that the last one is granted in part
BARE = r"""
\set n random(1, {count})
UPDATE accounts_allowance SET used = used + 1 WHERE id = (SELECT id FROM counter WHERE n = :n) AND used < "limit";
"""


def main() -> None:
    options = arguments()
    with environment.installation():
        ids = seed.accounts(options.accounts)
        at = clock.database_now()
        reserve_for(ids[:1], at, 1, time.monotonic())
        contenders_of = {
            "reserve": partial(reserved, ids, at, options),
            "update": partial(updated, ids, at, options),
        }
        rounds = figures.interleave(contenders_of, options.rounds, report.say)
        seen = figures.medians(rounds)
        found = {
            "reserve_per_s": seen["reserve"],
            "update_per_s": seen["update"],
            "ratio": figures.ratio(seen["reserve"], seen["update"]),
            "spread": figures.spread(rounds),
            "overruns": race(ids[: options.clients], at, options),
        }
        report.publish("limits", SUMMARY, found, options)
    if found["overruns"]:
        raise SystemExit(1)


def arguments() -> Namespace:
    parser = report.parser(
        "Units reserved a second, in batches and by the bare UPDATE; and how many were too many."
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="Of each measurement (default 8).")
    parser.add_argument(
        "--rounds", type=int, default=3, help="Interleaved rounds; medians count (default 3)."
    )
    parser.add_argument("--clients", type=int, default=8, help="Processes at once (default 8).")
    parser.add_argument("--accounts", type=int, default=100, help="Counters (default 100).")
    parser.add_argument("--batch", type=int, default=50, help="Units of one reservation (default 50).")
    return parser.parse_args()


def reserved(ids: Sequence[int], at: datetime, options: Namespace) -> float:
    """Units a second of all clients together; each goes round all accounts from a place of its own."""
    shares = [[*ids[n :: options.clients], *ids] for n in range(options.clients)]
    ends = time.monotonic() + options.seconds
    granted = together([partial(reserve_for, share, at, options.batch, ends) for share in shares])
    return sum(granted) / options.seconds


def reserve_for(ids: Sequence[int], at: datetime, batch: int, ends: float) -> int:
    """Reserve batches for the accounts in turn until ``ends`` (monotonic seconds), at least one; the units granted."""
    accounts = list(Account.objects.filter(pk__in=ids))
    granted = turn = 0
    while True:
        account = accounts[turn % len(accounts)]
        turn += 1
        with transaction.atomic():
            grants = limits.reserve(limits.Book.load(account), [limits.Demand(KIND)] * batch, at)
        taken = sum(grant.allowance_ids is not None for grant in grants)
        granted += taken
        if time.monotonic() > ends or not taken:
            return granted


def updated(ids: Sequence[int], at: datetime, options: Namespace) -> float:
    """Units a second by one UPDATE each, on the same counters."""
    for account in Account.objects.filter(pk__in=ids):
        with transaction.atomic():
            limits.reserve(limits.Book.load(account), [limits.Demand(KIND)], at)
    environment.rows("DROP TABLE IF EXISTS counter")
    environment.rows(
        "CREATE TABLE counter AS SELECT row_number() OVER (ORDER BY id)::int AS n, id FROM accounts_allowance"
    )
    environment.rows("CREATE UNIQUE INDEX ON counter (n)")
    environment.rows("ANALYZE counter")
    return contenders.run_pgbench(BARE.format(count=len(ids)), "outreach", options.seconds, options.clients)


def race(ids: Sequence[int], at: datetime, options: Namespace) -> int:
    """All clients at once for each account's small limit; returns the units granted or counted above it."""
    Limit.objects.filter(account__in=ids).update(limit=RACE_LIMIT)
    environment.rows("DELETE FROM accounts_allowance")
    too_many = 0
    for account in ids:
        ends = time.monotonic() + 60.0
        granted = sum(together([partial(reserve_for, [account], at, options.batch, ends)] * options.clients))
        used = environment.value(
            "SELECT max(used) FROM accounts_allowance WHERE owner = %s", f"account:{account}"
        )
        if granted < RACE_LIMIT:
            raise SystemExit(
                f"Only {granted} of {RACE_LIMIT} units were granted: the race did not use its limit up."
            )
        too_many += max(granted, used) - RACE_LIMIT
    return too_many


def together(work: Sequence[Callable[[], int]]) -> list[int]:
    """Run each in a process of its own with a connection of its own, and return what they returned."""
    connection.close()
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    clients = [fork.Process(target=_answer, args=(one, answers)) for one in work]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if any(client.exitcode for client in clients):
        raise SystemExit("A client failed; its error is above.")
    return [answers.get() for _ in clients]


def _answer(work: Callable[[], int], answers: multiprocessing.SimpleQueue) -> None:
    try:
        answers.put(work())
    finally:
        connection.close()


if __name__ == "__main__":
    main()
