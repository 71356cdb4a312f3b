"""What people ask about accounts; the number of queries never depends on the number of accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from accounts.enums import AccountStatus, WindowUnit
from accounts.limits import Book, Demand, Line
from accounts.models import Account, Allowance
from accounts.windows import local_date
from outreach.lib.clock import database_now


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of an account's day is used for one kind; ``limit`` is what counted at the last act."""

    kind: str
    used: int
    limit: int


def usage(accounts: Sequence[Account], at: datetime | None = None) -> dict[int, dict[str, Usage]]:
    """Today's use by account id and kind, on each account's own calendar. Kinds not used today are absent.

    One query for the counters, and one for the time unless ``at`` is given.
    """
    at = at or database_now()
    today = {
        f"account:{account.pk}": (account.pk, local_date(account, at).isoformat()) for account in accounts
    }
    found: dict[int, dict[str, Usage]] = {account.pk: {} for account in accounts}
    rows = Allowance.objects.filter(
        owner__in=today, window=WindowUnit.DAY, window_key__in={key for _, key in today.values()}
    )
    for owner, key, kind, used, limit in rows.values_list("owner", "window_key", "kind", "used", "limit"):
        pk, wanted = today[owner]
        if key == wanted:
            found[pk][kind] = Usage(kind, used, limit)
    return found


def limit_stack(account: Account, at: datetime | None = None) -> dict[str, list[Line]]:
    """Every limit of an account by kind, the winner of each marked. Three queries, and one for the time."""
    book = Book.load(account)
    kinds = sorted({*book.rules, *book.warm_ups})
    return dict(
        zip(kinds, book.explain_all([Demand(kind) for kind in kinds], at or database_now()), strict=True)
    )


def count_by_status() -> dict[str, int]:
    """How many accounts are in each status; statuses without any are 0. One query."""
    counted = dict(Account.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in AccountStatus.values}


def count_by_network() -> dict[str, dict[str, int]]:
    """How many accounts each network has, by status. One query."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Account.objects.order_by().values_list("network", "status").annotate(Count("pk"))
    for network, status, count in rows:
        found[network][status] = count
    return dict(found)
