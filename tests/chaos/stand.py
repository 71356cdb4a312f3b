"""The networks' servers as checks of faults need them: with accounts of ours, behind a gate or with faults of their own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from accounts.enums import ActionKind
from accounts.models import Account
from automation.engine.tasks import NewTask
from leads.models import Profile
from tests.chaos.gate import Gate
from tests.factories import make_account, make_lane, make_profile

ACCOUNTS = 12  # of ours on each network
_notes = itertools.count(1)


class Stand:
    """One network: its server, ``accounts`` of ours on it, and an act that each of them may do to one person.

    ``refreshes`` is how many tokens the server renewed so far, ``None`` where tokens are not renewed.
    """

    network = ""
    kind = ActionKind.DM
    renews = False
    names_waits = True  # whether its refusals say for how long to wait

    gate: Gate

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.person: Profile

    # --- What differs -------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the server and the gate."""
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def join(self, number: int) -> Account:
        """The next account of ours."""
        raise NotImplementedError

    def payload(self, note: str) -> dict[str, Any]:
        return {"text": note}

    def who(self, account: Account) -> str:
        """What the gate calls an account."""
        return account.handle

    def expire(self, account: Account) -> None:
        """Its token is no longer taken."""
        self.gate.fault(self.who(account), status=401, body=self.refusal(), reads=True)

    def refusal(self) -> bytes:
        return b'{"error": "The access token was revoked"}'

    def refreshes(self) -> int:
        return 0

    # --- What is the same ---------------------------------------------------------------------------------------------
    def __enter__(self) -> Stand:
        self.start()
        self.person = self.somebody()
        self.accounts = [self.join(number) for number in range(ACCOUNTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def somebody(self) -> Profile:
        return make_profile("somebody", network=self.network)

    def keep(self, handle: str, secret: dict[str, Any], **fields: Any) -> Account:
        """Our row for an account of this server."""
        account = make_account(
            network=self.network, handle=handle, secret=secret, sending_gap=0,
            **{"server": self.gate.url, "remote_id": "", **fields},
        )  # fmt: skip
        make_lane(account)
        return account

    def tasks(self, accounts: Sequence[Account], each: int) -> list[NewTask]:
        """``each`` acts of every account; no two say the same."""
        return [self._task(account) for _ in range(each) for account in accounts]

    def _task(self, account: Account) -> NewTask:
        number = next(_notes)
        return NewTask(
            account_id=account.pk, kind=self.kind, dedupe_key=f"note:{number}", profile=self.person,
            payload=self.payload(f"Note-{number} for you"),
        )  # fmt: skip

    # Faults; a stand without a gate has its own.
    def black_hole(self) -> None:
        self.gate.swallows = True

    def held(self) -> list[float]:
        return self.gate.held

    def slow_down(self, account: Account, *, seconds: int, as_date: bool, count: int) -> None:
        self.gate.fault(
            self.who(account), status=429, wait=seconds, as_date=as_date, count=count, body=self.busy()
        )

    def busy(self) -> bytes:
        return b'{"error": "Too many requests"}'

    def fail(self, account: Account) -> None:
        self.gate.fault(self.who(account), status=503, body=b'{"error": "Unavailable"}')

    def halve(self, account: Account, *, count: int) -> None:
        self.gate.fault(self.who(account), count=count)

    def calm(self, accounts: Sequence[Account] = ()) -> None:
        self.gate.calm(map(self.who, accounts))

    def tries(self, account: Account) -> dict[int, list[float]]:
        """When each act of an account was asked for at the server, by the number of its note."""
        found: dict[int, list[float]] = {}
        for seen in self.gate.acts(self.who(account)):
            found.setdefault(seen.note, []).append(seen.at)
        return found

    def early(self) -> int:
        return sum(seen.early for seen in self.gate.seen)

    def refused(self, account: Account) -> int:
        """Requests that were refused for their credentials."""
        return sum(seen.status == 401 and seen.who == self.who(account) for seen in self.gate.seen)

    def taken(self) -> int:
        return sum(seen.taken for seen in self.gate.seen)

    def copies(self) -> int:
        return self.gate.copies()
