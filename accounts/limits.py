"""The one place that computes limits, counts against them and explains itself.

Limits stack: the network's default, the account's own and its warm-up share the account's counter, so the
smallest of them counts; a campaign's cap has a counter of its own. Of a limit's units some may be kept for urgent
acts: what is not urgent finds the counter full that much earlier. A unit is reserved on every counter that
applies, or on none. Counters are always locked in one order, by owner, kind, window and key, so that lanes
which share a counter wait for each other and never in a circle: give ``reserve`` and ``give_back`` all of a
transaction's units in one call.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Collate, Greatest

from accounts.enums import WindowUnit
from accounts.models import Account, Allowance, Limit, WarmUp
from accounts.windows import Window, local_date, window_at
from outreach.lib import prepared

# A limit lowered since the book was read counts at once: the account's counter takes the smaller of both.
UPSERT = """
    INSERT INTO accounts_allowance AS held (owner, kind, "window", window_key, closes_at, "limit", used)
    SELECT owner, kind, unit, window_key, closes_at, LEAST("limit", (
        SELECT min(now."limit") FROM accounts_limit AS now
        WHERE (now.account_id = %s OR now.network = %s) AND now.kind = wanted.kind AND now."window" = unit
          AND owner = %s::text
    )), 0
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::int[])
         AS wanted (owner, kind, unit, window_key, closes_at, "limit")
    ON CONFLICT (owner, kind, "window", window_key) DO UPDATE
        SET "limit" = EXCLUDED."limit", closes_at = GREATEST(held.closes_at, EXCLUDED.closes_at)
    RETURNING owner, kind, "window", window_key, id, used, "limit"
"""

# A network's default comes first, so that it is named before an account's equal limit.
RULES = 'WHERE account_id = %s OR network = %s ORDER BY account_id NULLS FIRST, "window"'
TAKE = """
    UPDATE accounts_allowance AS held SET used = held.used + given.units
    FROM unnest(%s::bigint[], %s::int[]) AS given (id, units)
    WHERE held.id = given.id AND held.used + given.units <= held."limit"
"""


class CountersMoved(RuntimeError):
    """A locked counter refused units it had room for. Roll the transaction back; nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Cap:
    """An extra limit from above, e.g. a campaign's. ``owner`` names its counter: ``campaign:3:account:7``."""

    owner: str
    limit: int
    source: str = "campaign"
    window: str = WindowUnit.DAY

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"The cap of {self.owner} is {self.limit}; a cap is 0 (never) or more.")


@dataclass(frozen=True, slots=True)
class Line:
    """One limit of the stack, for people. The one that ``wins`` is the first to refuse."""

    source: str  # network, account, warm_up, or what a cap says, e.g. campaign
    owner: str
    window: str
    window_key: str
    closes_at: datetime
    limit: int
    used: int
    wins: bool
    reserve: int = 0  # units of it that this act may not have, since they are kept for urgent ones

    @property
    def left(self) -> int:
        return max(0, self.limit - self.reserve - self.used)

    @property
    def is_left_to_urgent_acts(self) -> bool:
        """Whether an urgent act would still find room."""
        return self.used < self.limit and not self.left


@dataclass(frozen=True, slots=True)
class Demand:
    """One unit wanted."""

    kind: str
    caps: tuple[Cap, ...] = ()
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to one demand: the counters that hold its unit, or ``None`` and the limit that refused.

    The line's ``closes_at`` is when asking again makes sense.
    """

    allowance_ids: tuple[int, ...] | None
    line: Line | None = None


class _Slot(NamedTuple):
    """Which counter; sorts in the order counters are locked in."""

    owner: str
    kind: str
    window: str
    window_key: str


@dataclass(frozen=True, slots=True)
class _Layer:
    """One limit as it stands at one instant, and the counter it counts on."""

    source: str
    slot: _Slot
    closes_at: datetime
    limit: int
    reserve: int = 0

    @property
    def room(self) -> int:
        """Units that this demand may have."""
        return self.limit - self.reserve

    def line(self, used: int, *, wins: bool) -> Line:
        owner, _, window, key = self.slot
        return Line(self.source, owner, window, key, self.closes_at, self.limit, used, wins, self.reserve)


@dataclass(slots=True)
class _Counter:
    """A locked row while a batch is dealt out. ``used`` includes what the batch has taken so far."""

    pk: int
    used: int
    limit: int
    taken: int = 0

    def take(self) -> None:
        self.used += 1
        self.taken += 1


@dataclass(frozen=True, slots=True)
class Book:
    """The limits and warm-ups of one account, read once and good for several claims."""

    account: Account
    rules: dict[str, tuple[Limit, ...]]
    warm_ups: dict[str, WarmUp]

    @classmethod
    def load(cls, account: Account) -> Book:
        """Read the account's book: two queries."""
        return cls.of(account, *prepared.together(*cls.pages(account.pk, account.network)))

    @staticmethod
    def pages(account_id: int, network: str) -> tuple[prepared.Select[Limit], prepared.Select[WarmUp]]:
        """What :meth:`of` wants read, for those who read more at the same time."""
        return (
            prepared.Select(Limit, RULES, [account_id, network]),
            prepared.Select(WarmUp, "WHERE account_id = %s", [account_id]),
        )

    @classmethod
    def of(cls, account: Account, limits: Iterable[Limit], warm_ups: Iterable[WarmUp]) -> Book:
        """The book of what was read by :meth:`pages`."""
        rules: dict[str, list[Limit]] = defaultdict(list)
        for limit in limits:
            rules[limit.kind].append(limit)
        by_kind = {kind: tuple(stack) for kind, stack in rules.items()}
        return cls(account, by_kind, {ramp.kind: ramp for ramp in warm_ups})

    @property
    def owner(self) -> str:
        """Whose counter the account's acts count on."""
        return f"account:{self.account.pk}"

    def explain(self, kind: str, at: datetime, caps: Sequence[Cap] = ()) -> list[Line]:
        """Every limit on one more act of ``kind`` at ``at``; one wins, unless there is none. One query."""
        return self.explain_all([Demand(kind, tuple(caps))], at)[0]

    def explain_all(self, demands: Sequence[Demand], at: datetime) -> list[list[Line]]:
        """What :meth:`explain` says to each demand, in one query for all."""
        stacks = [self._layers(demand, at) for demand in demands]
        used = _read_used({layer.slot for stack in stacks for layer in stack})
        return [
            _with_winner([layer.line(used.get(layer.slot, 0), wins=False) for layer in stack])
            for stack in stacks
        ]

    def _layers(self, demand: Demand, at: datetime) -> list[_Layer]:
        windows: dict[str, Window] = {}

        def layer(source: str, owner: str, unit: str, limit: int, reserve: int = 0) -> _Layer:
            if unit not in windows:
                windows[unit] = window_at(self.account, unit, at)
            slot = _Slot(owner, str(demand.kind), str(unit), windows[unit].key)
            return _Layer(source, slot, windows[unit].closes_at, limit, reserve)

        layers = [
            layer(
                "network" if rule.account_id is None else "account", self.owner, rule.window, rule.limit,
                0 if demand.urgent else rule.reserve,
            )
            for rule in self.rules.get(demand.kind, ())
        ]  # fmt: skip
        if ramp := self.warm_ups.get(demand.kind):
            today = local_date(self.account, at)
            layers.append(layer("warm_up", self.owner, WindowUnit.DAY, ramp.limit_on(today)))
        layers += [layer(cap.source, cap.owner, cap.window, cap.limit) for cap in demand.caps]
        return layers


def reserve(book: Book, demands: Sequence[Demand], at: datetime) -> list[Grant]:
    """Reserve one unit per demand, in order: on every counter that applies to it, or on none.

    Runs in the caller's transaction and holds the counters' locks until its end. Without any limit on a kind
    nothing is counted and ``allowance_ids`` is empty. Costs one statement for all counters and one more per
    distinct number of units.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("reserve() must run inside transaction.atomic().")
    layers = {demand: book._layers(demand, at) for demand in dict.fromkeys(demands)}
    stacks = {demand: _smallest(mine, by=attrgetter("room")) for demand, mine in layers.items()}
    counters = _lock(book, _smallest(chain.from_iterable(layers.values()), by=attrgetter("limit")))
    grants = [_deal(stacks[demand], counters) for demand in demands]
    _write(counters.values())
    return grants


def give_back(allowance_ids: Iterable[int]) -> None:
    """Return units that were reserved and not spent; an id comes once per unit. Never goes below zero."""
    owed = Counter(allowance_ids)
    if not owed:
        return
    order = [Collate(field, "C") for field in ("owner", "kind", "window", "window_key")]
    with transaction.atomic():
        if len(owed) > 1:
            list(Allowance.objects.filter(pk__in=owed).order_by(*order).select_for_update().values_list("pk"))
        for units, ids in _grouped(owed.items()).items():
            Allowance.objects.filter(pk__in=ids).update(used=Greatest(F("used") - units, 0))


def _with_winner(lines: list[Line]) -> list[Line]:
    """The same lines; the one with the fewest units left wins, then the smaller limit, then the first."""
    if not lines:
        return []
    winner = min(range(len(lines)), key=lambda index: (lines[index].left, lines[index].limit, index))
    return [replace(line, wins=index == winner) for index, line in enumerate(lines)]


def _smallest(layers: Iterable[_Layer], *, by: Callable[[_Layer], int]) -> dict[_Slot, _Layer]:
    """Per counter the limit that counts; of equal ones the first."""
    smallest: dict[_Slot, _Layer] = {}
    for layer in layers:
        held = smallest.get(layer.slot)
        if held is None or by(layer) < by(held):
            smallest[layer.slot] = layer
    return smallest


def _lock(book: Book, layers: dict[_Slot, _Layer]) -> dict[_Slot, _Counter]:
    """Make and lock the counters in their fixed order, with the limits of now."""
    if not layers:
        return {}
    slots = sorted(layers)
    columns: list[list[str]] = [list(column) for column in zip(*slots, strict=True)]
    closes_at = [layers[slot].closes_at for slot in slots]
    limits = [layers[slot].limit for slot in slots]
    scope = [book.account.pk, book.account.network, book.owner]
    counters = prepared.rows(UPSERT, [*scope, *columns, closes_at, limits])
    return {_Slot(*row[:4]): _Counter(*row[4:]) for row in counters}


def _deal(stack: dict[_Slot, _Layer], counters: dict[_Slot, _Counter]) -> Grant:
    full = [
        slot for slot, layer in stack.items() if counters[slot].used >= min(layer.room, counters[slot].limit)
    ]
    if full:
        # Of several full windows the last to close decides: asking before would be refused again.
        slot = max(full, key=lambda slot: stack[slot].closes_at)
        line = stack[slot].line(counters[slot].used, wins=True)
        return Grant(None, replace(line, limit=min(line.limit, counters[slot].limit)))
    for slot in stack:
        counters[slot].take()
    return Grant(tuple(counters[slot].pk for slot in stack))


def _write(counters: Iterable[_Counter]) -> None:
    taken = {counter.pk: counter.taken for counter in counters if counter.taken}
    if not taken:
        return
    if prepared.execute(TAKE, [list(taken), list(taken.values())]) != len(taken):
        raise CountersMoved(
            f"Counters {sorted(taken)} have no room for {taken} units though they are locked."
        )


def _grouped(units_by_id: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Ids by their number of units, so that each number costs one statement."""
    groups: dict[int, list[int]] = defaultdict(list)
    for pk, units in units_by_id:
        groups[units].append(pk)
    return groups


def _read_used(slots: set[_Slot]) -> dict[_Slot, int]:
    if not slots:
        return {}
    owners, kinds, windows, keys = (set(column) for column in zip(*slots, strict=True))
    rows = Allowance.objects.filter(owner__in=owners, kind__in=kinds, window__in=windows, window_key__in=keys)
    return {_Slot(*row[:4]): row[4] for row in rows.values_list(*_Slot._fields, "used")}
