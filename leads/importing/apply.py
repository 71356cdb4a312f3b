"""One batch of rows upon the people we know: a few queries for all of them, whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.db.models import Q
from django.utils import timezone

from leads import consent
from leads.addresses import address_hash
from leads.consent import Address
from leads.enums import RowOutcome
from leads.importing.rows import EMPTY, Entry
from leads.models import Import, ImportRow, Person, Profile
from leads.services.tags import PersonTag, named_tags, put_on
from outreach.lib import events

SAID_NO = "This person said no and will not be written to."


@dataclass(slots=True, eq=False)
class Card:
    """A person during a batch: known to the database, new in it, or (in a dry run) new in an earlier row."""

    person: Person
    tags: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    earlier_row: int = 0
    suppressed: bool = False

    def fill(self, entry: Entry) -> bool:
        """Fill what is empty, never overwrite; whether anything was."""
        before = len(self.filled), len(self.tags)
        for name, value in entry.fields.items():
            if not getattr(self.person, name):
                setattr(self.person, name, value)
                self.filled.add(name)
        named_by_address = self.person.display_name in ("", *(handle for _, handle in entry.addresses))
        name = _display_name(entry)
        if named_by_address and name not in ("", self.person.display_name):
            self.person.display_name = name
            self.filled.add("display_name")
        self.tags.update(entry.tags)
        return (len(self.filled), len(self.tags)) != before


class Batch:
    """Call :meth:`apply` inside a transaction; it holds the rows' addresses and people until its end."""

    def __init__(self, run: Import, entries: list[Entry]) -> None:
        self.run = run
        self.entries = entries
        self.cards: dict[Address, Card] = {}
        self.new_profiles: dict[Address, Card] = {}
        self.reports: list[tuple[ImportRow, Card | None]] = []

    def apply(self) -> list[ImportRow]:
        """Decide on every row, write unless it is a dry run, and give the unsaved reports."""
        addresses = {address for entry in self.entries if not entry.problem for address in entry.addresses}
        consent.hold_addresses(addresses)
        self._look_up(addresses)
        said_no = consent.suppressed_addresses(addresses)
        for entry in self.entries:
            self._decide(entry, said_no)
        if not self.run.dry_run:
            self._write()
        for report, card in self.reports:
            report.person = card.person if card and card.person.pk else None
        return [report for report, _ in self.reports]

    def _look_up(self, addresses: Iterable[Address]) -> None:
        by_network: dict[str, list[str]] = defaultdict(list)
        for network, handle in addresses:
            by_network[network].append(handle)
        if not by_network:
            return
        either = reduce(or_, (Q(network=name, handle__in=handles) for name, handles in by_network.items()))
        owners = {
            (network, handle): person
            for network, handle, person in Profile.objects.filter(either).values_list(
                "network", "handle", "person_id"
            )
        }
        locked = (
            Person.objects.select_for_update(no_key=True).filter(pk__in=set(owners.values())).order_by("pk")
        )
        cards = {person.pk: Card(person, suppressed=person.suppressed_at is not None) for person in locked}
        for person_id, tag in PersonTag.objects.filter(person_id__in=cards).values_list(
            "person_id", "tag__name"
        ):
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
        for number, row_keys in rows.values_list("number", "address_keys"):
            card = Card(Person(), earlier_row=number)
            for key in set(row_keys) & set(keys):
                self.cards[keys[key]] = card

    def _decide(self, entry: Entry, said_no: set[Address]) -> None:
        if entry.problem:
            outcome = RowOutcome.SKIPPED if entry.problem == EMPTY else RowOutcome.FAILED
            self._report(entry, outcome, entry.problem, None)
            return
        cards = {
            id(self.cards[address]): self.cards[address]
            for address in entry.addresses
            if address in self.cards
        }
        if len(cards) > 1:
            self._report(
                entry, RowOutcome.FAILED, "Its addresses are of different people; merge them first.", None
            )
            return
        card = next(iter(cards.values()), None) or Card(Person(found_by=None))
        changed = card.fill(entry)
        missing = [address for address in entry.addresses if address not in self.cards]
        for address in missing:
            self.cards[address] = self.new_profiles[address] = card
        card.suppressed = card.suppressed or bool(said_no.intersection(entry.addresses))
        if not cards:
            card.person.display_name = card.person.display_name or entry.addresses[0][1][:255]
            outcome = RowOutcome.CREATED
        else:
            outcome = RowOutcome.UPDATED if changed or missing else RowOutcome.SKIPPED
        self._report(entry, outcome, self._message(entry, card, outcome), card)

    def _message(self, entry: Entry, card: Card, outcome: str) -> str:
        said = [f"Same address as row {card.earlier_row}."] if card.earlier_row else []
        said += ["Known already; the row adds nothing."] if outcome == RowOutcome.SKIPPED else []
        said += [SAID_NO] if card.suppressed else []
        return " ".join([*said, *entry.remarks])

    def _report(self, entry: Entry, outcome: str, message: str, card: Card | None) -> None:
        keys = sorted(map(address_key, entry.addresses)) if self.run.dry_run and card else []
        report = ImportRow(
            import_run=self.run,
            number=entry.number,
            outcome=outcome,
            message=message[:500],
            address_keys=keys,
        )
        self.reports.append((report, card))

    def _write(self) -> None:
        cards = list({id(card): card for card in self.cards.values()}.values())
        new = [card.person for card in cards if card.person.pk is None]
        changed = [card for card in cards if card.person.pk and card.filled]
        Person.objects.bulk_create(new)
        self._update(changed)
        profiles = [
            Profile(
                person=card.person, network=network, handle=handle, found_via=f"import: {self.run.name}"[:255]
            )
            for (network, handle), card in sorted(self.new_profiles.items())
        ]
        Profile.objects.bulk_create(profiles)
        tags = named_tags(name for card in cards for name in card.tags)
        put_on((card.person.pk, tags[name]) for card in cards for name in card.tags)
        silent = {card.person.pk for card in self.new_profiles.values() if card.suppressed}
        if silent:
            consent.propagate(silent, by=self.run.created_by)
        self._tell(new, [card.person for card in changed], profiles)

    def _update(self, cards: list[Card]) -> None:
        names = sorted({name for card in cards for name in card.filled})
        for card in cards:
            card.person.updated_at = timezone.now()
        if cards:
            Person.objects.bulk_update([card.person for card in cards], [*names, "updated_at"])

    def _tell(self, new: list[Person], changed: list[Person], profiles: list[Profile]) -> None:
        for name, model, rows in (
            ("person.created", "leads.person", new),
            ("person.changed", "leads.person", changed),
            ("profile.added", "leads.profile", profiles),
        ):
            if rows:
                ids = [row.pk for row in rows]
                events.emit(name, model=model, ids=ids, by=self.run.created_by, import_id=self.run.pk)


def address_key(address: Address) -> int:
    """64 bits of the address's keyed hash, as PostgreSQL's signed bigint."""
    return int.from_bytes(bytes.fromhex(address_hash(*address)[:16]), signed=True)


def _display_name(entry: Entry) -> str:
    parts = (entry.fields.get("first_name", ""), entry.fields.get("last_name", ""))
    return entry.fields.get("display_name", "") or " ".join(filter(None, parts))[:255]
