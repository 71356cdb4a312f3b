"""A no: it holds for the whole person, in every spelling, for good, and whoever comes second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from leads import consent, services
from leads.enums import SuppressionReason
from leads.models import Person, Profile, Suppression
from outreach.lib.events import Event
from tests.factories import make_person, make_profile
from tests.leads.conftest import Info, named

ROUNDS = 30


def run_at_once(*acts: Callable[[], object]) -> None:
    """Run each act in a thread and a connection of its own, started together; the first error is raised here."""
    gate = threading.Barrier(len(acts))
    errors: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait(timeout=10)
            act()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test's thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "two transactions wait for each other"
    if errors:
        raise errors[0]


@pytest.mark.django_db
def test_suppress_person_lists_each_of_their_addresses(told: list[Event]) -> None:
    user = User.objects.create(username="boss")
    person, other = make_person(), make_person()
    make_profile("ann@example.org", network="email", person=person)
    make_profile("ann", network="sandbox", person=person)
    make_profile("bob", network="sandbox", person=other)

    result = consent.suppress_person(
        person_id=person.pk, reason=SuppressionReason.COMPLAINT, by=user, detail="wrote in"
    )

    assert result == consent.Suppressed((person.pk,), (person.pk,), 2)
    person.refresh_from_db()
    other.refresh_from_db()
    assert person.suppressed_at is not None
    assert other.suppressed_at is None
    rows = Suppression.objects.values_list(
        "network", "address", "reason", "detail", "person_id", "created_by_id"
    )
    assert set(rows) == {
        ("email", "ann@example.org", "complaint", "wrote in", person.pk, user.pk),
        ("sandbox", "ann", "complaint", "wrote in", person.pk, user.pk),
    }
    (event,) = named(told, "person.suppressed")
    assert (event.ids, event.by) == ((person.pk,), "boss")
    assert not consent.is_suppressed("sandbox", "bob")


@pytest.mark.django_db
def test_suppress_person_again_has_no_second_effect(told: list[Event]) -> None:
    person = make_profile("ann").person
    consent.suppress_person(person_id=person.pk, by="inbox")
    first = Person.objects.get(pk=person.pk)
    told.clear()

    result = consent.suppress_person(person_id=person.pk, reason=SuppressionReason.MANUAL, by="inbox")

    assert not result.changed
    again = Person.objects.get(pk=person.pk)
    assert (again.suppressed_at, again.updated_at) == (first.suppressed_at, first.updated_at)
    assert Suppression.objects.get().reason == SuppressionReason.OPT_OUT
    assert told == []


@pytest.mark.django_db
def test_suppress_person_who_does_not_exist_says_so() -> None:
    with pytest.raises(Person.DoesNotExist, match="no person 999"):
        consent.suppress_person(person_id=999, by="inbox")


@pytest.mark.django_db
def test_suppress_address_suppresses_its_person_on_every_network(told: list[Event]) -> None:
    person = make_profile("ann@xn--bcher-kva.example", network="email").person
    make_profile("ann", person=person)

    result = consent.suppress_address(network="email", handle="Ann <ANN@Bücher.example>", by="inbox")

    assert result.newly == (person.pk,)
    assert consent.is_suppressed("sandbox", "@Ann")
    assert consent.consenting_ids([person.pk]) == set()
    assert len(named(told, "person.suppressed")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelling", ["ANN@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@bu\u0308cher.example"]
)
def test_whoever_gets_a_suppressed_address_later_comes_out_suppressed(
    told: list[Event], spelling: str
) -> None:
    consent.suppress_address(network="email", handle="ann@bücher.example", by="inbox")
    assert Suppression.objects.get().person is None

    profile, created = services.add_profile(network="email", handle=spelling)

    assert created
    assert Person.objects.get(pk=profile.person_id).suppressed_at is not None
    assert Suppression.objects.get().person_id == profile.person_id
    assert [event.ids for event in named(told, "person.suppressed")] == [(profile.person_id,)]


@pytest.mark.django_db
def test_a_suppressed_address_silences_the_person_who_gets_it_on_all_networks() -> None:
    consent.suppress_address(network="email", handle="ann@example.org", by="inbox")
    person = services.create_person(by="test", first_name="Ann", profiles=[("sandbox", "ann")])
    assert person.suppressed_at is None

    services.add_profile(person=person, network="email", handle="ann@example.org")

    person.refresh_from_db()
    assert person.suppressed_at is not None
    assert consent.is_suppressed("sandbox", "ann")


@pytest.mark.django_db
def test_each_address_a_suppressed_person_gets_is_suppressed() -> None:
    person = make_person()
    consent.suppress_person(person_id=person.pk, by="inbox")

    services.add_profile(person=person, network="email", handle="new@example.org")

    assert Suppression.objects.get().address == "new@example.org"


@pytest.mark.django_db
def test_a_no_outlives_the_person_and_their_address_in_clear() -> None:
    person = make_profile("ann@example.org", network="email").person
    consent.suppress_person(person_id=person.pk, reason=SuppressionReason.ERASED, by="boss")
    Suppression.objects.update(address="")
    person.delete()

    profile, _ = services.add_profile(network="email", handle="ANN@example.org")

    assert Person.objects.get(pk=profile.person_id).suppressed_at is not None


@pytest.mark.django_db
def test_propagate_reaches_a_profile_that_moved_to_somebody_else() -> None:
    person, heir = make_profile("ann").person, make_person()
    bystander = make_profile("bob").person
    consent.suppress_person(person_id=person.pk, by="inbox")
    Profile.objects.filter(handle="ann").update(person=heir)

    assert consent.propagate([heir.pk, bystander.pk]).newly == (heir.pk,)
    assert consent.consenting_ids([heir.pk, bystander.pk]) == {bystander.pk}
    assert not consent.propagate([heir.pk, bystander.pk]).changed


@pytest.mark.django_db
def test_lift_takes_the_whole_no_back_and_says_who_did(told: list[Event]) -> None:
    person = make_profile("ann").person
    make_profile("ann@example.org", network="email", person=person)
    other = make_profile("bob").person
    consent.suppress_person(person_id=person.pk, by="inbox")
    consent.suppress_person(person_id=other.pk, by="inbox")
    suppression = Suppression.objects.get(address="ann")

    assert consent.lift(suppression=suppression, by="boss", reason="Ann wrote on 3 May") == (person.pk,)

    assert consent.consenting_ids([person.pk, other.pk]) == {person.pk}
    assert list(Suppression.objects.values_list("address", flat=True)) == ["bob"]
    (event,) = named(told, "person.suppression_lifted")
    assert (event.ids, event.by, event.data["reason"]) == ((person.pk,), "boss", "Ann wrote on 3 May")


@pytest.mark.django_db
def test_lift_frees_an_address_nobody_has() -> None:
    consent.suppress_address(network="email", handle="ann@example.org", by="inbox")

    assert consent.lift(suppression=Suppression.objects.get(), by="boss", reason="a mistake") == ()

    assert not consent.is_suppressed("email", "ann@example.org")


@pytest.mark.django_db
def test_lift_wants_a_reason_and_one_subject() -> None:
    person = make_person()
    with pytest.raises(ValueError, match="Say why"):
        consent.lift(person=person, by="boss", reason=" ")
    with pytest.raises(ValueError, match="either"):
        consent.lift(by="boss", reason="asked")


def _clear() -> None:
    Suppression.objects.all().delete()
    Person.objects.all().delete()


RACERS: dict[str, Callable[[str], Any]] = {
    "a profile is added": lambda handle: services.add_profile(network="email", handle=handle),
    "a person is created": lambda handle: services.create_person(by="test", profiles=[("email", handle)]),
    "many are found": lambda handle: services.find_or_add_profiles(
        network="email", infos=[Info(handle=f"{prefix}{handle}") for prefix in ("a", "", "z")]
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racer", RACERS)
def test_an_optout_racing_with_the_creation_of_its_profile_always_holds(racer: str) -> None:
    for number in range(ROUNDS):
        handle = f"ann{number}@example.org"
        run_at_once(
            lambda handle=handle: consent.suppress_address(
                network="email", handle=handle.upper(), by="inbox"
            ),  # type: ignore[misc]
            lambda handle=handle: RACERS[racer](handle),  # type: ignore[misc]
        )
        person = Person.objects.get(profiles__handle=handle)
        assert person.suppressed_at is not None, f"round {number}"
    _clear()


@pytest.mark.django_db(transaction=True)
def test_two_who_suppress_at_once_and_one_who_adds_neither_wait_in_a_circle_nor_repeat(
    told: list[Event],
) -> None:
    for number in range(ROUNDS):
        person = make_profile(f"ann{number}").person
        make_profile(f"ann{number}@example.org", network="email", person=person)
        told.clear()
        run_at_once(
            lambda: consent.suppress_person(person_id=person.pk, by="inbox"),  # noqa: B023 - joined in this round
            lambda: consent.suppress_address(network="sandbox", handle=f"ann{number}", by="inbox"),  # noqa: B023
            lambda: services.add_profile(person=person, network="other", handle=f"ann{number}"),  # noqa: B023
        )
        assert len(named(told, "person.suppressed")) == 1
        assert Suppression.objects.filter(person=person).count() == 3
    _clear()


@pytest.mark.django_db(transaction=True)
def test_two_who_add_the_same_profile_at_once_make_one_person() -> None:
    for number in range(ROUNDS):
        add = lambda: services.add_profile(network="sandbox", handle=f"ann{number}")  # noqa: B023, E731
        run_at_once(add, add, add)
        assert Profile.objects.filter(handle=f"ann{number}").count() == 1
    assert Person.objects.count() == ROUNDS
    _clear()


@pytest.mark.django_db(transaction=True)
def test_a_send_that_holds_the_person_shared_makes_the_optout_wait() -> None:
    person = make_profile("ann").person
    done = threading.Event()

    def opt_out() -> None:
        consent.suppress_person(person_id=person.pk, by="inbox")
        done.set()
        connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM leads_person WHERE id = ANY(%s) AND suppressed_at IS NULL FOR SHARE",
            [[person.pk]],
        )
        assert cursor.fetchall() == [(person.pk,)]
        thread = threading.Thread(target=opt_out)
        thread.start()
        assert not done.wait(0.3)
    thread.join(timeout=10)
    assert done.is_set()
    assert consent.consenting_ids([person.pk]) == set()
    _clear()
