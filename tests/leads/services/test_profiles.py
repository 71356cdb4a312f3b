"""Profiles found and added: duplicates cost nothing, a no is never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from leads import consent, services
from leads.models import Person, Profile
from outreach.lib.events import Event
from tests.factories import make_account, make_person, make_profile
from tests.leads.conftest import Info, named, own_queries

pytestmark = pytest.mark.django_db


def test_add_profile_creates_a_lead_named_after_the_profile(told: list[Event]) -> None:
    account = make_account()

    profile, created = services.add_profile(
        network="sandbox",
        handle="@Ann",
        found_by=account,
        found_via="search: coffee",
        display_name="Ann Lee",
        by="search",
    )

    assert created
    assert (profile.handle, profile.found_by, profile.found_via) == ("ann", account, "search: coffee")
    person = profile.person
    assert (person.display_name, person.lifecycle, person.found_by) == ("Ann Lee", "lead", account)
    assert [(event.name, event.ids, event.by) for event in told] == [
        ("person.created", (person.pk,), "search"),
        ("profile.added", (profile.pk,), "search"),
    ]


def test_add_profile_finds_the_known_one_in_any_spelling(told: list[Event]) -> None:
    known = make_profile("ann")

    assert services.add_profile(network="sandbox", handle=" @ANN") == (known, False)
    assert told == []


def test_add_profile_refuses_somebody_elses_address() -> None:
    known = make_profile("ann")
    with pytest.raises(services.AddressTaken, match=r"ann \(sandbox\) already belongs to") as caught:
        services.add_profile(network="sandbox", handle="ann", person=make_person())
    assert caught.value.profile == known


def test_add_profile_stores_hostile_facts_harmlessly() -> None:
    profile, _ = services.add_profile(
        network="sandbox", handle="ann", display_name="A\0nn\ud800" + "x" * 300, url="javascript:alert(1)",
        followers_count=-1, posts_count=10**12, bio="\0",
    )  # fmt: skip
    profile.refresh_from_db()
    assert profile.display_name == "Ann" + "x" * 252
    assert (profile.url, profile.bio, profile.followers_count, profile.posts_count) == (
        "",
        "",
        None,
        2_147_483_647,
    )


def test_add_profile_refuses_a_fact_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="no shoe_size"):
        services.add_profile(network="sandbox", handle="ann", shoe_size=42)


def test_find_or_add_profiles_drops_duplicates_and_tells_how_many(told: list[Event]) -> None:
    make_profile("known")
    infos = [
        Info("@Known"),
        Info("ann", bio="first"),
        Info("ANN", bio="second"),
        Info("bad handle"),
        Info("bob"),
    ]

    new, duplicates = services.find_or_add_profiles(network="sandbox", infos=infos, found_via="followers: x")

    assert [profile.handle for profile in new] == ["ann", "bob"]
    assert duplicates == 2
    assert Profile.objects.get(handle="ann").bio == "first"
    assert set(Profile.objects.values_list("handle", flat=True)) == {"known", "ann", "bob"}
    assert Person.objects.count() == 3
    assert [event.ids for event in named(told, "profile.added")] == [tuple(profile.pk for profile in new)]


@pytest.mark.parametrize("number", [1, 100])
def test_find_or_add_profiles_takes_five_queries_for_any_number(number: int) -> None:
    infos = [Info(f"ann{n}") for n in range(number)]
    with own_queries() as queries:
        new, _ = services.find_or_add_profiles(network="sandbox", infos=infos)
    assert len(new) == number
    assert len(queries) == 5, queries
    with own_queries() as queries:
        assert services.find_or_add_profiles(network="sandbox", infos=infos) == ([], number)
    assert len(queries) == 2, queries


def test_find_or_add_profiles_leaves_the_suppressed_suppressed() -> None:
    consent.suppress_address(network="sandbox", handle="ann", by="inbox")

    new, _ = services.find_or_add_profiles(network="sandbox", infos=[Info("Ann"), Info("bob")])

    people = {profile.handle: Person.objects.get(pk=profile.person_id) for profile in new}
    assert people["ann"].suppressed_at is not None
    assert people["bob"].suppressed_at is None


def test_find_or_add_profiles_of_nobody_does_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert services.find_or_add_profiles(network="sandbox", infos=[]) == ([], 0)


def test_record_fetch_keeps_what_was_shown_and_names_the_person() -> None:
    profile = make_profile("ann")
    Profile.objects.filter(pk=profile.pk).update(found_via="search: tea")
    posted = datetime(2026, 5, 1, tzinfo=UTC)
    post = SimpleNamespace(
        remote_id="p1", text="Hi\0", url="https://x.example/p1", created_at=posted, language="en", replies=2
    )

    services.record_fetch(
        profile,
        Info("ann", remote_id="7", display_name="Ann Lee", language="de", followers_count=5, posts=(post,)),
        refresh_after=timedelta(days=7),
    )

    profile.refresh_from_db()
    assert (profile.remote_id, profile.followers_count, profile.found_via) == ("7", 5, "search: tea")
    assert profile.recent_posts == [
        {
            "remote_id": "p1", "text": "Hi", "url": "https://x.example/p1", "language": "en", "replies": 2,
            "created_at": "2026-05-01T00:00:00+00:00",
        }
    ]  # fmt: skip
    assert profile.fetched_at is not None
    assert profile.refresh_at == profile.fetched_at + timedelta(days=7)
    assert (profile.person.display_name, profile.person.language) == ("Ann Lee", "de")


def test_record_fetch_never_overwrites_a_name_a_person_gave() -> None:
    profile = make_profile("ann", person=make_person(display_name="My friend Ann", language="fr"))

    services.record_fetch(
        profile, Info("ann", display_name="xX_Ann_Xx", language="de"), refresh_after=timedelta(1)
    )

    profile.person.refresh_from_db()
    assert (profile.person.display_name, profile.person.language) == ("My friend Ann", "fr")


def test_record_fetch_follows_a_new_handle_and_the_no_with_it() -> None:
    profile = make_profile("ann")
    consent.suppress_person(person_id=profile.person_id, by="inbox")

    services.record_fetch(profile, Info("@Anna"), refresh_after=timedelta(1))

    profile.refresh_from_db()
    assert profile.handle == "anna"
    assert consent.is_suppressed("sandbox", "anna")
    assert consent.is_suppressed("sandbox", "ann")


def test_record_fetch_keeps_the_handle_when_another_profile_has_the_new_one() -> None:
    profile, other = make_profile("ann"), make_profile("anna")

    services.record_fetch(profile, Info("anna", bio="hello"), refresh_after=timedelta(1))

    profile.refresh_from_db()
    assert (profile.handle, profile.bio) == ("ann", "hello")
    assert Profile.objects.get(handle="anna") == other


def test_the_database_refuses_a_second_profile_with_the_same_address() -> None:
    make_profile("ann")
    with pytest.raises(IntegrityError, match="profile_is_unique_by_network_and_handle"), transaction.atomic():
        make_profile("ann")
    make_profile("ann", network="mastodon")
