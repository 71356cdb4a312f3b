"""Which account looks: the one that was named, or the least busy one that can."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db.models import Count

from accounts.enums import Role
from accounts.models import Account
from automation.enums import LookState, Priority
from automation.models import FrontierEntry

AHEAD = 200  # looks that may stand on one account's lane: what is more urgent tomorrow is chosen tomorrow


@dataclass(slots=True)
class Desk:
    """The accounts of a network that can look now, and how much each has before it."""

    accounts: dict[int, Account]
    queued: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, network: str) -> Desk:
        """Two queries."""
        working = Account.objects.working().filter(network=network, lane__isnull=False).order_by("pk")
        accounts = {account.pk: account for account in working}
        mine = FrontierEntry.objects.filter(state=LookState.QUEUED, account_id__in=list(accounts))
        counts = mine.order_by().values_list("account_id").annotate(looks=Count("pk"))
        return cls(accounts, Counter(dict(counts)))

    def free(self) -> list[int]:
        """Accounts with room before them."""
        return [pk for pk in self.accounts if self.queued[pk] < AHEAD]

    def reader_for(self, entry: FrontierEntry) -> Account | None:
        """Who looks, counted as busier by it; ``None`` when nobody can now."""
        chosen = self.accounts.get(entry.account_id) if entry.account_id else self._anybody(entry)
        if chosen is None or (self.queued[chosen.pk] >= AHEAD and entry.priority > Priority.HIGH):
            return None
        self.queued[chosen.pk] += 1
        return chosen

    def let_go(self, account: Account) -> None:
        """It need not look after all."""
        self.queued[account.pk] -= 1

    def _anybody(self, entry: FrontierEntry) -> Account | None:
        """Those that discover first. What a server calls a profile only accounts of that server understand."""
        able = list(self.accounts.values())
        finder = entry.profile.found_by if entry.profile else None
        if finder is not None:
            able = [account for account in able if account.server == finder.server]
        able = [account for account in able if account.role == Role.DISCOVER] or able
        return min(able, key=lambda account: (self.queued[account.pk], account.pk), default=None)
