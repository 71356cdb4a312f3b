"""One batch of rows upon the people we know: a few statements for all of them, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from leads import consent
from leads.addresses import hash_of_normalised
from leads.consent import Address
from leads.enums import RowOutcome
from leads.importing.mapping import PERSON_FIELDS
from leads.importing.rows import EMPTY, Entry
from leads.models import Import, ImportRow, Person, Profile
from leads.services.tags import PersonTag, named_tags, put_on
from outreach.lib import events
from outreach.lib.copying import insert_rows, next_keys

SAID_NO = "This person said no and will not be written to."
# By the index for each address, whatever the planner makes of a table that is growing: joined, all of it would be read.
OWNERS = """
SELECT profile.network, profile.handle, profile.person_id
FROM unnest(string_to_array(%s, E'\n'), string_to_array(%s, E'\n')) AS wanted (network, handle)
CROSS JOIN LATERAL (
    SELECT network, handle, person_id FROM leads_profile WHERE network = wanted.network AND handle = wanted.handle LIMIT 1
) AS profile
"""


@dataclass(slots=True, eq=False)
class Card:
    """A person during a batch: known to the database, new in it, or (in a dry run) new in an earlier row."""

    values: dict[str, str]
    pk: int | None = None
    tags: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    earlier_row: int = 0
    suppressed: bool = False
    known: bool = False

    def fill(self, entry: Entry) -> bool:
        """Fill what is empty, never overwrite; whether anything was."""
        before = len(self.filled), len(self.tags)
        for name, value in entry.fields.items():
            if not self.values.get(name):
                self.values[name] = value
                self.filled.add(name)
        shown = self.values.get("display_name", "")
        name = _display_name(entry)
        if name not in ("", shown) and shown in ("", *(handle for _, handle in entry.addresses)):
            self.values["display_name"] = name
            self.filled.add("display_name")
        self.tags.update(entry.tags)
        return (len(self.filled), len(self.tags)) != before


class Report(NamedTuple):
    """A row of ``ImportRow``."""

    number: int
    outcome: str
    message: str
    person_id: int | None
    address_keys: list[int]


class Batch:
    """Call :meth:`apply` inside a transaction; it holds the rows' addresses and people until its end."""

    def __init__(self, run: Import, entries: list[Entry]) -> None:
        self.run = run
        self.entries = entries
        self.cards: dict[Address, Card] = {}
        self.new_profiles: dict[Address, Card] = {}
        self.reports: list[tuple[Entry, str, str, Card | None]] = []

    def apply(self) -> list[Report]:
        """Decide on every row, write unless it is a dry run, and give the unsaved reports."""
        addresses = {address for entry in self.entries if not entry.problem for address in entry.addresses}
        by_hash = consent.hold_addresses(addresses)
        self._look_up(addresses)
        said_no = consent.listed(by_hash)
        for entry in self.entries:
            self._decide(entry, said_no)
        if not self.run.dry_run:
            self._write()
        return [self._report(*decided) for decided in self.reports]

    def _look_up(self, addresses: set[Address]) -> None:
        if not addresses:
            return
        # Two texts, since neither holds a control character: an array of a thousand takes longer to send than to look up.
        names = ["\n".join(column) for column in zip(*addresses, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(OWNERS, names)
            owners = {(network, handle): person for network, handle, person in cursor.fetchall()}
        locked = (
            Person.objects.select_for_update(no_key=True).filter(pk__in=set(owners.values())).order_by("pk")
        )
        cards = {
            row["pk"]: Card(row, row["pk"], suppressed=row["suppressed_at"] is not None, known=True)
            for row in (locked.values("pk", "suppressed_at", *PERSON_FIELDS) if owners else ())
        }
        tags = PersonTag.objects.filter(person_id__in=cards).values_list("person_id", "tag__name")
        for person_id, tag in tags if cards else ():
            cards[person_id].tags.add(tag)
        self.cards = {address: cards[person_id] for address, person_id in owners.items()}
        if self.run.dry_run:
            self._remember_earlier_rows(addresses)

    def _remember_earlier_rows(self, addresses: Iterable[Address]) -> None:
        """People an earlier batch of this dry run would have created; what it filled in is no longer known."""
        keys = {address_key(address): address for address in addresses if address not in self.cards}
        rows = ImportRow.objects.filter(import_run=self.run, address_keys__overlap=list(keys)).order_by(
            "-number"
        )
        for number, row_keys in rows.values_list("number", "address_keys") if keys else ():
            card = Card({}, earlier_row=number, known=True)
            for key in set(row_keys) & set(keys):
                self.cards[keys[key]] = card

    def _decide(self, entry: Entry, said_no: set[Address]) -> None:
        if entry.problem:
            outcome = RowOutcome.SKIPPED if entry.problem == EMPTY else RowOutcome.FAILED
            self.reports.append((entry, outcome, entry.problem, None))
            return
        found = [self.cards[address] for address in entry.addresses if address in self.cards]
        if any(card is not found[0] for card in found):
            problem = "Its addresses are of different people; merge them first."
            self.reports.append((entry, RowOutcome.FAILED, problem, None))
            return
        card = found[0] if found else Card({})
        changed = card.fill(entry)
        missing = [address for address in entry.addresses if address not in self.cards]
        for address in missing:
            self.cards[address] = self.new_profiles[address] = card
        card.suppressed = card.suppressed or bool(said_no and said_no.intersection(entry.addresses))
        if not found:
            card.values.setdefault("display_name", entry.addresses[0][1][:255])
            outcome = RowOutcome.CREATED
        else:
            outcome = RowOutcome.UPDATED if changed or missing else RowOutcome.SKIPPED
        self.reports.append((entry, outcome, self._message(entry, card, outcome), card))

    def _message(self, entry: Entry, card: Card, outcome: str) -> str:
        said = [f"Same address as row {card.earlier_row}."] if card.earlier_row else []
        said += ["Known already; the row adds nothing."] if outcome == RowOutcome.SKIPPED else []
        said += [SAID_NO] if card.suppressed else []
        return " ".join([*said, *entry.remarks])

    def _report(self, entry: Entry, outcome: str, message: str, card: Card | None) -> Report:
        keys = sorted(map(address_key, entry.addresses)) if self.run.dry_run and card else []
        return Report(entry.number, outcome, message[:500], card.pk if card else None, keys)

    def _write(self) -> None:
        cards = list({id(card): card for card in self.cards.values()}.values())
        new = [card for card in cards if not card.known]
        for card, pk in zip(new, next_keys(Person, len(new)) if new else (), strict=True):
            card.pk = pk
        self._insert_people(new)
        changed = [card for card in cards if card.known and card.filled]
        self._update(changed)
        profiles = sorted(self.new_profiles.items())
        profile_keys = self._insert_profiles([pair for pair in profiles if pair[1].known])
        tags = named_tags({name for card in cards for name in card.tags})
        put_on((card.pk, tags[name]) for card in cards if card.known and card.pk for name in card.tags)
        with noted_already():
            profile_keys += self._insert_profiles([pair for pair in profiles if not pair[1].known])
            links = [(card.pk, tags[name]) for card in new for name in sorted(card.tags)]
            if links:
                insert_rows(PersonTag, ("person_id", "tag_id"), links)
        silent = {card.pk for card in self.new_profiles.values() if card.suppressed and card.pk}
        if silent:
            consent.propagate(silent, by=self.run.created_by)
        self._tell([card.pk for card in new], [card.pk for card in changed], profile_keys)

    def _insert_people(self, new: list[Card]) -> None:
        rows = ((card.pk, *(card.values.get(name, "") for name in PERSON_FIELDS)) for card in new)
        if new:
            insert_rows(Person, ("id", *PERSON_FIELDS), rows)

    def _insert_profiles(self, profiles: list[tuple[Address, Card]]) -> list[int]:
        if not profiles:
            return []
        keys = next_keys(Profile, len(profiles))
        via = f"import: {self.run.name}"[:255]
        insert_rows(
            Profile,
            ("id", "person_id", "network", "handle", "found_via"),
            ((key, card.pk, *address, via) for key, (address, card) in zip(keys, profiles, strict=True)),
        )
        return keys

    def _update(self, cards: list[Card]) -> None:
        names = sorted({name for card in cards for name in card.filled})
        if cards:
            now = timezone.now()
            people = [
                Person(pk=card.pk, updated_at=now, **{name: card.values[name] for name in names})
                for card in cards
            ]
            Person.objects.bulk_update(people, [*names, "updated_at"])

    def _tell(self, new: list[Any], changed: list[Any], profiles: list[int]) -> None:
        for name, model, ids in (
            ("person.created", "leads.person", new),
            ("person.changed", "leads.person", changed),
            ("profile.added", "leads.profile", profiles),
        ):
            if ids:
                events.emit(name, model=model, ids=ids, by=self.run.created_by, import_id=self.run.pk)


@contextmanager
def noted_already() -> Iterator[None]:
    """Around rows of people whose own rows this transaction wrote: the triggers, which noted those, do not note them again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('outreach.noted', 'already', true)")
        yield
        cursor.execute("SELECT set_config('outreach.noted', '', true)")


def address_key(address: Address) -> int:
    """64 bits of the address's keyed hash, as PostgreSQL's signed bigint."""
    return int.from_bytes(bytes.fromhex(hash_of_normalised(*address)[:16]), signed=True)


def _display_name(entry: Entry) -> str:
    parts = (entry.fields.get("first_name", ""), entry.fields.get("last_name", ""))
    return entry.fields.get("display_name", "") or " ".join(filter(None, parts))[:255]
