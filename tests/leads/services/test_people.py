"""People created, changed, moved along, tagged and found."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from pytest_django import DjangoAssertNumQueries

from leads import consent, services
from leads.models import Person, Profile, Tag
from leads.queries import search_people, with_profiles
from outreach.lib.events import Event
from tests.factories import make_person, make_profile
from tests.leads.conftest import named, own_queries

pytestmark = pytest.mark.django_db


def test_create_person_takes_fields_and_profiles(told: list[Event]) -> None:
    person = services.create_person(
        by="boss",
        profiles=[("email", "Ann@example.org"), ("sandbox", "@ann")],
        first_name="Ann",
        company="Acme",
    )

    assert (person.display_name, person.company, person.lifecycle) == ("Ann", "Acme", "lead")
    assert set(person.profiles.values_list("network", "handle")) == {
        ("email", "ann@example.org"),
        ("sandbox", "ann"),
    }
    assert [event.ids for event in named(told, "person.created")] == [(person.pk,)]


def test_create_person_with_a_taken_address_creates_nobody() -> None:
    make_profile("ann")
    with pytest.raises(services.AddressTaken):
        services.create_person(by="boss", profiles=[("email", "new@example.org"), ("sandbox", "ANN")])
    assert Person.objects.count() == 1
    assert not Profile.objects.filter(network="email").exists()


def test_create_person_with_a_suppressed_address_comes_out_suppressed() -> None:
    consent.suppress_address(network="email", handle="ann@example.org", by="inbox")
    assert (
        services.create_person(by="boss", profiles=[("email", "ann@example.org")]).suppressed_at is not None
    )


@pytest.mark.parametrize("fields", [{"website": "no address"}, {"first_name": "x" * 129}])
def test_create_person_refuses_bad_fields(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        services.create_person(by="boss", **fields)
    assert not Person.objects.exists()


@pytest.mark.parametrize("name", ["suppressed_at", "lifecycle", "stage", "id"])
def test_fields_with_a_service_of_their_own_cannot_be_set_directly(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        services.create_person(by="boss", **{name: "x"})
    with pytest.raises(TypeError, match=name):
        services.update_person(make_person(), by="boss", **{name: "x"})


def test_update_person_saves_only_what_differs(told: list[Event]) -> None:
    person = make_person(company="Acme", title="CTO")
    Person.objects.filter(pk=person.pk).update(title="edited meanwhile")

    assert services.update_person(person, by="boss", company="Globex", title="CTO")

    person.refresh_from_db()
    assert (person.company, person.title) == ("Globex", "edited meanwhile")
    (event,) = named(told, "person.changed")
    assert (event.ids, event.by, event.data["fields"]) == ((person.pk,), "boss", ["company"])
    told.clear()
    assert not services.update_person(person, by="boss", company="Globex")
    assert told == []


def test_update_person_with_a_bad_value_changes_nothing() -> None:
    person = make_person(company="Acme")
    with pytest.raises(ValidationError):
        services.update_person(person, by="boss", company="Globex", website="no address")
    assert person.company == "Acme"
    person.refresh_from_db()
    assert person.company == "Acme"


def test_set_stage_tells_once_from_where_to_where(told: list[Event]) -> None:
    person = make_person()

    assert services.set_stage(person, "qualified", reason="fits", by="rules")
    assert not services.set_stage(person, "qualified", reason="again", by="rules")

    person.refresh_from_db()
    assert (person.stage, person.stage_reason) == ("qualified", "fits")
    (event,) = told
    assert (event.name, event.data["before"], event.data["after"]) == (
        "person.stage_changed",
        "new",
        "qualified",
    )
    with pytest.raises(ValueError, match="nonsense"):
        services.set_stage(person, "nonsense", by="rules")


def test_lifecycle_moves_once_and_back(told: list[Event]) -> None:
    person = make_person()
    assert services.convert_to_contact(person, by="boss")
    assert not services.convert_to_contact(person, by="boss")
    assert services.archive(person, by="boss")
    assert services.restore(person, by="boss")
    assert not services.restore(person, by="boss")
    person.refresh_from_db()
    assert person.lifecycle == "lead"
    assert [event.data["after"] for event in told] == ["contact", "archived", "lead"]


def test_add_note_keeps_text_and_author() -> None:
    user = User.objects.create(username="boss")
    person = make_person()
    note = services.add_note(person, " called back ", by=user)
    assert (note.text, note.author, note.person) == ("called back", user, person)
    with pytest.raises(ValueError, match="some text"):
        services.add_note(person, "  ", by=user)


@pytest.mark.parametrize("number", [1, 200])
def test_tag_and_untag_are_flat_in_the_number_of_people(number: int, told: list[Event]) -> None:
    Tag.objects.create(name="vip")
    people = Person.objects.bulk_create(Person(display_name=str(n)) for n in range(number))
    ids = [person.pk for person in people]
    with own_queries() as queries:
        assert services.tag(ids, ["vip", " new  tag "], by="boss") == 2 * number
    assert len(queries) == 4, queries
    assert services.tag(ids, ["vip"], by="boss") == 0
    assert services.untag(ids, ["vip", "unknown"], by="boss") == number
    assert set(people[0].tags.values_list("name", flat=True)) == {"new tag"}
    assert [event.ids for event in told] == [tuple(ids)] * 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 65])
def test_tag_refuses_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        services.tag([make_person().pk], [name], by="boss")


def test_search_people_finds_by_name_company_handle_and_whole_email() -> None:
    ann = make_person(display_name="Ann Lee", company="Acme")
    make_profile("ann@xn--bcher-kva.example", network="email", person=ann)
    bob = make_person(display_name="Bob", company="Acme")
    make_profile("bobby", person=bob)
    make_profile("bobby", network="mastodon", person=bob)

    assert list(search_people("acme")) == [bob, ann]
    assert list(search_people("ANN acme")) == [ann]
    assert list(search_people("@bobb")) == [bob]
    assert list(search_people("ANN@BÜCHER.example")) == [ann]
    assert list(search_people("nobody\0")) == []
    assert list(search_people("acme", Person.objects.filter(display_name="Bob"))) == [bob]


@pytest.mark.parametrize("number", [1, 20])
def test_with_profiles_reads_a_list_in_three_queries(
    number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(number):
        make_profile()
    with django_assert_num_queries(3):
        assert all(person.profiles.all()[0].handle for person in with_profiles(Person.objects.all()))
