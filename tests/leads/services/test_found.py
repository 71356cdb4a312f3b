"""What was found out about many: filled in where nobody said otherwise; a no reaches every new address."""

from __future__ import annotations

import pytest

from leads import consent, services
from leads.enums import MailVerdict
from leads.models import Person, Profile
from leads.services.found import Address, Fill
from outreach.lib.events import Event
from tests.factories import make_person, make_profile
from tests.leads.conftest import named, own_queries

pytestmark = pytest.mark.django_db


def test_people_are_filled_in_where_they_are_empty_or_still_as_found(told: list[Event]) -> None:
    empty, found, said = make_person(), make_person(language="en"), make_person(language="fr")
    fills = [
        Fill(person.pk, {"language": "de", "country": "DE"}, {"language": "en"})
        for person in (empty, found, said)
    ]

    assert services.fill_people(fills, by="test") == 3
    assert list(Person.objects.order_by("pk").values_list("language", "country")) == [
        ("de", "DE"), ("de", "DE"), ("fr", "DE"),
    ]  # fmt: skip
    assert [event.ids for event in named(told, "person.changed")] == [(empty.pk, found.pk, said.pk)]
    told.clear()
    assert services.fill_people(fills, by="test") == 0
    assert told == []


def test_only_some_fields_may_be_filled_in() -> None:
    with pytest.raises(TypeError, match="fill in score"):
        services.fill_people([Fill(1, {"score": "9"}, {})], by="test")


def test_address_of_somebody_who_said_no_suppresses_the_person() -> None:
    consent.suppress_address(network="email", handle="ann@example.org", by="test")
    person = make_person()
    services.add_addresses([Address(person.pk, "ann@example.org", "bio")], by="test")
    person.refresh_from_db()
    assert person.suppressed_at is not None


def test_addresses_of_people_who_said_no_go_on_the_list() -> None:
    profile = make_profile()
    consent.suppress_person(person_id=profile.person_id, by="test")
    services.add_addresses([Address(profile.person_id, "ann@example.org", "bio")], by="test")
    assert consent.is_suppressed("email", "ann@example.org")


def test_addresses_are_added_once_and_never_taken_from_others(told: list[Event]) -> None:
    other = make_profile("bob@example.org", network="email")
    person = make_person()
    found = [
        Address(person.pk, handle, "bio")
        for handle in ("ann@example.org", "bob@example.org", "ann@example.org")
    ]
    assert services.add_addresses([*found, Address(0, "gone@example.org", "bio")], by="test") == (
        1, {"bob@example.org"},
    )  # fmt: skip
    assert services.add_addresses(found, by="test") == (0, {"bob@example.org"})
    assert set(Profile.objects.values_list("handle", "person_id")) == {
        ("bob@example.org", other.person_id), ("ann@example.org", person.pk),
    }  # fmt: skip
    assert len(named(told, "profile.added")) == 1


def test_adding_costs_as_many_queries_for_thirty_as_for_three() -> None:
    def queries(number: int) -> int:
        people = [make_person() for _ in range(number)]
        found = [Address(person.pk, f"p{person.pk}@example.org", "bio") for person in people]
        with own_queries() as statements:
            services.add_addresses(found, by="test")
        return len(statements)

    assert queries(3) == queries(30)


def test_address_is_marked_once(told: list[Event]) -> None:
    profile = make_profile("ann@example.org", network="email")
    verdict = {profile.pk: (MailVerdict.BAD, "No server.")}
    assert services.mark_addresses(verdict, by="test") == [profile.pk]
    assert services.mark_addresses(verdict, by="test") == []
    profile.refresh_from_db()
    assert (profile.mail_verdict, profile.mail_note) == ("bad", "No server.")
    assert len(named(told, "profile.mail_marked")) == 1
