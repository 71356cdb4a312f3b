"""Who said no, and that it holds: the only writer of ``Person.suppressed_at`` and of the suppression list.

Locks are taken in one order everywhere, so nobody waits in a circle: addresses (advisory), then people by id,
then suppressions. Whoever creates a profile holds its address shared (:func:`hold_addresses`); an opt-out of
an address holds it alone. So either the opt-out sees the new profile, or the new profile sees the opt-out.
Sends lock the Person row ``FOR SHARE``; an opt-out locks it ``FOR UPDATE``. Inside a transaction of your own,
call these first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from leads.addresses import address_hash, hash_of_normalised, normalise
from leads.enums import SuppressionReason
from leads.models import Merge, Person, Profile, Suppression
from outreach.lib import events

Actor = User | str | None  # the user, or the part of the system, that does something
Address = tuple[str, str]  # network, handle

BUCKETS = 256  # address locks share this many, which bounds how many one transaction holds
LOCK_SPACE = 0x6C65_6164  # "lead": keeps our advisory locks apart from everybody else's
# By the index for each address: joined, a long list would be read whole for every thousand addresses.
LISTED = """
SELECT wanted.digest
FROM unnest(string_to_array(%s, ','), string_to_array(%s, ',')) AS wanted (network, digest)
CROSS JOIN LATERAL (
    SELECT 1 FROM "leads_suppression" WHERE network = wanted.network AND address_hash = wanted.digest LIMIT 1
) AS listed
"""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What an opt-out did: whom it concerns, who is newly suppressed, how many addresses were added."""

    person_ids: tuple[int, ...] = ()
    newly: tuple[int, ...] = ()
    addresses: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.newly or self.addresses)


def suppress_person(
    *, person_id: int, reason: str = SuppressionReason.OPT_OUT, by: Actor, detail: str = ""
) -> Suppressed:
    """Never write to this person again, on any network.

    Effects, in one transaction: the Person row is locked and gets ``suppressed_at`` (database time), each of
    its profiles' addresses goes on the suppression list, and ``person.suppressed`` is emitted with its id,
    upon which whatever is only waiting or claimed is cancelled. Doing it again changes nothing. Raises
    :class:`Person.DoesNotExist`.
    """
    with transaction.atomic():
        if not Person.objects.select_for_update(of=("self",)).filter(pk=person_id).values("pk"):
            raise Person.DoesNotExist(f"There is no person {person_id}.")
        _said_while_merged([person_id])
        return _suppress([person_id], reason, by, detail)


def suppress_address(
    *, network: str, handle: str, reason: str = SuppressionReason.OPT_OUT, by: Actor, detail: str = ""
) -> Suppressed:
    """Never write to this address, whether we know whose it is or not; a person who has it is suppressed with
    it.

    Effects as in :func:`suppress_person`. With nobody known, the address alone goes on the list, and a person
    who gets it later comes out suppressed. Raises :class:`ValueError` when it is not an address.
    """
    address = (network, normalise(network, handle))
    with transaction.atomic():
        hold_addresses([address], alone=True)
        people = list(
            Profile.objects.filter(network=network, handle=address[1]).values_list("person_id", flat=True)
        )
        _lock(people)
        _said_while_merged(people)
        result = _suppress(people, reason, by, detail)
        added = _list({address: people[0] if people else None}, reason, by, detail)
        if added:
            events.emit(
                "address.suppressed", model="leads.suppression", by=by, network=network, reason=str(reason)
            )
        return Suppressed(result.person_ids, result.newly, result.addresses + added)


def suppress_hash(
    *, network: str, digest: str, reason: str = SuppressionReason.OPT_OUT, by: Actor, detail: str = ""
) -> bool:
    """Never write to the address with this keyed hash, which we do not know any more; whether that is new.

    For somebody whose data is gone and who says no all the same: who gets the address later comes out suppressed.
    """
    with transaction.atomic():
        _hold_hashes([digest], alone=True)
        _, created = Suppression.objects.get_or_create(
            network=network, address_hash=digest, defaults={"reason": reason, "detail": detail[:500]}
        )
        if created:
            events.emit(
                "address.suppressed", model="leads.suppression", by=by, network=network, reason=str(reason)
            )
    return created


def lift(
    *, suppression: Suppression | None = None, person: Person | None = None, by: Actor, reason: str
) -> tuple[int, ...]:
    """Take a no back, because the person asked for it; ``reason`` is kept in the audit trail and must not be
    empty.

    A no counts for the whole person, so lifting one address of a known person lifts them all. Effects: the
    addresses leave the list, ``suppressed_at`` is emptied, ``person.suppression_lifted`` is emitted. What was
    cancelled stays cancelled. Returns the ids of the people who may be written to again. Only administrators
    may call it; faces check that.
    """
    if not reason.strip():
        raise ValueError("Say why this no is taken back, e.g. who asked for it and when.")
    if (suppression is None) == (person is None):
        raise ValueError("Give either a suppression or a person.")
    mine = Q(person=person) if person else Q(pk=suppression.pk if suppression else None)
    with transaction.atomic():
        listed = list(Suppression.objects.filter(mine))
        people = [person.pk] if person else _owners(listed)
        _hold_hashes([row.address_hash for row in listed] + list(_owner_by_hash(people)), alone=True)
        _lock(people)
        hashes = {row.address_hash for row in listed} | set(_owner_by_hash(people))
        gone = Suppression.objects.filter(Q(address_hash__in=hashes) | Q(person_id__in=people))
        removed, _ = gone.delete()
        silent = Person.objects.filter(pk__in=people, suppressed_at__isnull=False)
        freed = silent.update(suppressed_at=None, updated_at=Now())
        if removed or freed:
            told = {"reason": reason, "addresses": removed}
            events.emit("person.suppression_lifted", model="leads.person", ids=people, by=by, **told)
    return tuple(people)


def propagate(person_ids: int | Iterable[int], *, by: Actor = None) -> Suppressed:
    """Make a no reach everything these people have now: call it after a profile was added to a person, moved,
    or merged.

    A person with a suppressed address becomes suppressed; a suppressed person's addresses all go on the list.
    Call it in the transaction that changed the profiles, which already holds their addresses. Four queries
    when nobody said no.
    """
    ids = sorted({person_ids} if isinstance(person_ids, int) else set(person_ids))
    with transaction.atomic():
        since = _lock(ids)
        owner = _owner_by_hash(ids)
        listed = Suppression.objects.filter(Q(address_hash__in=owner) | Q(person_id__in=ids)).order_by("-id")
        cause = {owner.get(row.address_hash) or row.person_id: row for row in listed}  # the oldest no of each
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for pk in ids:
            if pk in cause:
                groups[cause[pk].reason, cause[pk].detail].append(pk)
            elif since.get(pk):
                groups[SuppressionReason.MANUAL, "Another address of a person who said no"].append(pk)
        results = [_suppress(people, reason, by, detail) for (reason, detail), people in groups.items()]
        _attach([row for row in listed if row.person_id is None], owner)
    return Suppressed(
        tuple(pk for result in results for pk in result.person_ids),
        tuple(pk for result in results for pk in result.newly),
        sum(result.addresses for result in results),
    )


def is_suppressed(network: str, handle: str) -> bool:
    """Whether this address must not be written to; :class:`ValueError` when it is not an address."""
    address = normalise(network, handle)
    return (
        Suppression.objects.filter(network=network, address_hash=address_hash(network, address)).exists()
        or Profile.objects.filter(
            network=network, handle=address, person__suppressed_at__isnull=False
        ).exists()
    )


def suppressed_addresses(addresses: Iterable[Address]) -> set[Address]:
    """Those of these normalised addresses that are on the list, in one query."""
    return listed({hash_of_normalised(*address): address for address in addresses})


def listed(by_hash: Mapping[str, Address]) -> set[Address]:
    """As :func:`suppressed_addresses`, for addresses whose hashes are known, see :func:`hold_addresses`."""
    if not by_hash:
        return set()
    networks = ",".join(network for network, _ in by_hash.values())
    with connection.cursor() as cursor:
        # Two texts instead of a parameter for each: an import asks for a thousand at a time.
        cursor.execute(LISTED, [networks, ",".join(by_hash)])
        return {by_hash[digest] for (digest,) in cursor.fetchall()}


def consenting_ids(person_ids: Iterable[int]) -> set[int]:
    """Those of these people who have not said no, as of now; a send must check again under its own lock."""
    return set(Person.objects.consenting().filter(pk__in=list(person_ids)).values_list("pk", flat=True))


def hold_addresses(addresses: Iterable[Address], *, alone: bool = False) -> dict[str, Address]:
    """Hold these normalised addresses until the transaction ends: shared to create their profiles, ``alone`` to
    opt them out. Returns them by their hashes.

    Look things up only after this returns: what you read before may be older than somebody's no.
    """
    by_hash = {hash_of_normalised(*address): address for address in addresses}
    _hold_hashes(by_hash, alone=alone)
    return by_hash


def _hold_hashes(hashes: Iterable[str], *, alone: bool) -> None:
    buckets = sorted({int(digest[:8], 16) % BUCKETS for digest in hashes})
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        # unnest keeps the order, so everybody locks upward
        cursor.execute(f"SELECT {lock}(%s, bucket) FROM unnest(%s::int[]) AS bucket", [LOCK_SPACE, buckets])  # noqa: S608


def _lock(person_ids: Sequence[int]) -> dict[int, object]:
    """Lock these people, lowest id first; gives their ``suppressed_at`` by id."""
    rows = Person.objects.select_for_update(of=("self",)).filter(pk__in=person_ids).order_by("pk")
    return dict(rows.values_list("pk", "suppressed_at"))


def _profiles(person_ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """Person id, network and handle of these people's profiles, locked so that none moves away meanwhile."""
    rows = Profile.objects.select_for_update(no_key=True).filter(person_id__in=person_ids).order_by("pk")
    return list(rows.values_list("person_id", "network", "handle"))


def _owner_by_hash(person_ids: Sequence[int]) -> dict[str, int]:
    return {address_hash(network, handle): person for person, network, handle in _profiles(person_ids)}


def _attach(listed: Sequence[Suppression], owner: dict[str, int]) -> None:
    """Show at a person the nos that were on the list before we knew whose address it is."""
    for row in listed:
        row.person_id = owner[row.address_hash]
    if listed:
        Suppression.objects.bulk_update(listed, ["person"])


def _owners(listed: Iterable[Suppression]) -> list[int]:
    """The people behind listed addresses, by the row itself and by who has the address now."""
    people: set[int] = set()
    for row in listed:
        if row.person_id:
            people.add(row.person_id)
        if row.address:
            has_it = Profile.objects.filter(network=row.network, handle=row.address)
            people.update(has_it.values_list("person_id", flat=True))
    return sorted(people)


def _said_while_merged(person_ids: Sequence[int]) -> None:
    """A no said by somebody who is two people merged: taking the merge back must not take it back."""
    Merge.objects.filter(kept_id__in=person_ids, undone_at__isnull=True).update(no_since=Now())


def _suppress(person_ids: Sequence[int], reason: str, by: Actor, detail: str) -> Suppressed:
    """Suppress people whose rows the caller has locked."""
    willing = Person.objects.filter(pk__in=person_ids, suppressed_at__isnull=True)
    newly = tuple(willing.order_by("pk").values_list("pk", flat=True))
    Person.objects.filter(pk__in=newly).update(suppressed_at=Now(), updated_at=Now())
    addresses: dict[Address, int | None] = {
        (network, handle): person for person, network, handle in _profiles(person_ids)
    }
    added = _list(addresses, reason, by, detail)
    if newly:
        events.emit(
            "person.suppressed", model="leads.person", ids=newly, by=by, reason=str(reason), detail=detail
        )
    return Suppressed(tuple(person_ids), newly, added)


def _list(addresses: dict[Address, int | None], reason: str, by: Actor, detail: str) -> int:
    """Put addresses on the suppression list; gives how many were not on it yet."""
    author = by if isinstance(by, User) else None
    known = suppressed_addresses(addresses)
    rows = [
        Suppression(
            network=network,
            address=handle,
            address_hash=address_hash(network, handle),
            person_id=addresses[network, handle],
            reason=reason,
            detail=detail[:500],
            created_by=author,
        )
        for network, handle in sorted(addresses)
        if (network, handle) not in known
    ]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
