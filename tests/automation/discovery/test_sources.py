"""Sources read on the sandbox network, with every request counted there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Account
from automation.channels.base import Page, ProfileInfo
from automation.channels.sandbox.control import Control
from automation.discovery import services as discovery
from automation.enums import LookKind, LookState, SourceKind
from automation.models import FrontierEntry, QualificationRule, SeenPage, Source, Task
from leads.models import Profile
from tests.automation.conftest import run_lanes
from tests.automation.discovery.conftest import a_source, explore, requested
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"network": "mastodon"}, "is not on mastodon"),
        ({"kind": SourceKind.MANUAL}, "cannot do this"),
        ({"query": "  "}, "cannot be blank"),
        ({"kind": SourceKind.RELATED, "query": "not a handle"}, "is not a handle"),
    ],
)
def test_a_source_that_could_not_be_read_is_refused(
    account: Account, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        a_source(account, **{"query": "coffee", **fields})


def test_a_source_reads_nothing_before_it_is_run_and_once_at_a_time(account: Account) -> None:
    source = a_source(account)
    assert not FrontierEntry.objects.exists()
    first = discovery.run_source(source=source, by=None)
    assert discovery.run_source(source=source, by=None) == first
    assert Task.objects.count() == 1


def test_pages_are_read_up_to_the_maximum_and_each_new_profile_is_fetched_once(
    account: Account, control: Control, unpaced: dict[str, Any]
) -> None:
    source = a_source(account, "into", max_pages=2)
    discovery.run_source(source=source, by=None)
    explore()
    source.refresh_from_db()
    seen = requested(control)
    assert source.pages == seen["fetch_search"] == 2
    assert not source.exhausted
    assert source.found == Profile.objects.count() == seen["fetch_profile"] > 0
    assert Profile.objects.filter(fetched_at__isnull=True).count() == 0
    assert set(Profile.objects.values_list("found_by", "found_via")) == {
        (account.pk, "Search or hashtag: into")
    }
    assert not FrontierEntry.objects.exclude(state=LookState.DONE).exists()


def test_the_same_again_within_the_hour_asks_the_network_nothing(
    account: Account, ours: Callable[..., Account], control: Control, unpaced: dict[str, Any]
) -> None:
    source, same = a_source(account, "into", max_pages=2), a_source(ours(), "into", max_pages=3)
    discovery.run_source(source=source, by=None)
    explore()
    found = Profile.objects.count()
    control.forget_requests()
    discovery.run_source(source=source, by=None)
    discovery.run_source(source=same, by=None)
    explore()
    for one in (source, same):
        one.refresh_from_db()
    seen = requested(control)
    # The other source reads one page more than the first did, and whom that shows.
    assert (source.pages, same.pages, seen["fetch_search"]) == (2, 3, 1)
    assert source.duplicates == found
    assert seen["fetch_profile"] == same.found == Profile.objects.count() - found
    assert FrontierEntry.objects.filter(from_cache=True).count() == 4


def test_what_was_seen_over_an_hour_ago_is_asked_again(account: Account, control: Control) -> None:
    source = a_source(account, max_pages=1)
    discovery.run_source(source=source, by=None)
    explore()
    control.forget_requests()
    old = SeenPage.objects.get()
    old.seen_at = old.seen_at.replace(year=old.seen_at.year - 1)
    old.save()
    discovery.run_source(source=source, by=None)
    explore()
    assert requested(control) == {"fetch_search": 1}
    source.refresh_from_db()
    assert source.duplicates == Profile.objects.count()


def test_a_source_that_was_stopped_reads_no_further_page(account: Account, control: Control) -> None:
    source = a_source(account, "into")
    discovery.run_source(source=source, by=None)
    discovery.stop_source(source=source, by=None)
    explore()
    assert requested(control)["fetch_search"] == 1  # it was on its way already
    assert FrontierEntry.objects.filter(kind=LookKind.SEARCH).count() == 1


def test_a_source_without_a_further_page_is_exhausted(account: Account, control: Control) -> None:
    source = a_source(account, "nobody-says-this-anywhere")
    discovery.run_source(source=source, by=None)
    explore()
    source.refresh_from_db()
    assert (source.exhausted, source.pages, source.found) == (True, 1, 0)


def test_our_own_accounts_are_never_leads(account: Account) -> None:
    make_account(handle="Our.Other")
    source = a_source(account)
    discovery.run_source(source=source, by=None)
    found = (ProfileInfo("our.other", "1"), ProfileInfo(account.handle, "2"), ProfileInfo("newcomer", "3"))
    with transaction.atomic():
        discovery.take_page(Task.objects.select_related("lane__account").get(), Page(found))
    assert list(Profile.objects.values_list("handle", flat=True)) == ["newcomer"]


def test_a_page_the_network_refuses_is_told_on_the_entry(account: Account, control: Control) -> None:
    source = a_source(account, "somebody-who-is-not-there", kind=SourceKind.RELATED)
    discovery.run_source(source=source, by=None)
    run_lanes()
    entry = FrontierEntry.objects.get()
    assert (entry.state, entry.detail) == (
        LookState.FAILED, "It no longer exists on the network: There is no such profile.",
    )  # fmt: skip


def test_whoever_fits_counts_once_for_the_source_that_found_them(account: Account, control: Control) -> None:
    QualificationRule.objects.create(name="Coffee", keywords=["coffee"], network="sandbox")
    source = a_source(account, "#coffee", max_pages=1)
    for _ in range(2):
        discovery.run_source(source=source, by=None)
        explore()
    source.refresh_from_db()
    assert source.qualified == Profile.objects.filter(person__stage="qualified").count() > 0


def test_two_sources_with_one_question_read_its_page_once(
    account: Account, ours: Callable[..., Account], control: Control
) -> None:
    for reader in (account, ours()):
        discovery.run_source(source=a_source(reader, "#baking", max_pages=1), by=None)
    explore()
    assert requested(control)["fetch_search"] == 1
    assert sorted(Source.objects.values_list("pages", flat=True)) == [1, 1]
