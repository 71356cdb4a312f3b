"""What really happened: the network's ledger held against our books. Pure functions; the ledger decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from automation.channels.sandbox.control import LedgerAct
from automation.enums import TaskState


@dataclass(frozen=True, slots=True)
class Booked:
    """One task as our books have it; ``deferred``: it waits, and a limit is why."""

    send_id: str
    account: str
    state: str
    deferred: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts. ``lost`` is every task or act of which one side knows nothing, or knows something else."""

    sends: int
    delivered: int
    deferred: int
    duplicates: int
    lost: int
    over_limit: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def judge(books: Sequence[Booked], ledger: Sequence[LedgerAct], limits: Mapping[str, int]) -> Verdict:
    """``limits`` by account handle, for the one window the run lies in. Delivered + deferred = sends when all is well."""
    arrived = {act.send_id for act in ledger}
    delivered = sum(one.send_id in arrived for one in books)
    deferred = sum(one.deferred and one.send_id not in arrived for one in books)
    return Verdict(
        sends=len(books),
        delivered=delivered,
        deferred=deferred,
        duplicates=copies(ledger),
        lost=_disagreements(books, arrived),
        over_limit=over_limit(ledger, limits),
    )


def copies(ledger: Sequence[LedgerAct]) -> int:
    """Acts beyond the first: under the same send id, or of the same account, kind, target and text."""
    by_id = Counter((act.account, act.send_id) for act in ledger)
    by_content = Counter((act.account, act.kind, act.target, act.text) for act in ledger)
    return max(sum(by_id.values()) - len(by_id), sum(by_content.values()) - len(by_content))


def over_limit(ledger: Sequence[LedgerAct], limits: Mapping[str, int]) -> int:
    """Acts beyond the limit of their account."""
    acts = Counter(act.account for act in ledger)
    return sum(max(0, acts[account] - limit) for account, limit in limits.items())


def _disagreements(books: Sequence[Booked], arrived: set[str]) -> int:
    """Arrived and not booked as done, booked as done and not arrived, or neither done nor deferred; strangers too."""
    wrong = 0
    for one in books:
        done = one.state == TaskState.COMPLETED
        wrong += done != (one.send_id in arrived) or not (done or one.deferred)
    return wrong + len(arrived - {one.send_id for one in books})
