"""Sources read on the sandbox network, with every request counted there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Page, ProfileInfo
from automation.channels.sandbox.control import Control
from automation.discovery import services as discovery
from automation.enums import SourceKind, TaskState
from automation.models import Source, Task
from leads.models import Profile
from tests.automation.conftest import run_lanes
from tests.factories import make_account, make_profile

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]


def a_source(account: Account, query: str = "coffee", **fields: Any) -> Source:
    values = {"kind": SourceKind.SEARCH, "network": "sandbox", "by": None}
    return discovery.add_source(query=query, account=account, **{**values, **fields})


def requested(control: Control) -> Counter[str]:
    return Counter(request.kind for request in control.requests())


# --- Sources -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"network": "mastodon"}, "is not on mastodon"),
        ({"kind": SourceKind.MANUAL}, "cannot do this"),
        ({"query": "  "}, "cannot be blank"),
    ],
)
def test_a_source_that_could_not_be_read_is_refused(
    account: Account, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        a_source(account, **{"query": "coffee", **fields})


def test_a_source_reads_nothing_before_it_is_run_and_once_at_a_time(account: Account) -> None:
    source = a_source(account)
    assert not Task.objects.exists()
    first = discovery.run_source(source=source, by=None)
    assert discovery.run_source(source=source, by=None) == first
    assert Task.objects.count() == 1


def test_pages_are_read_up_to_the_maximum_and_each_new_profile_is_fetched_once(
    account: Account, control: Control, engine: dict[str, Any]
) -> None:
    engine["rate_cap"] = 0  # more than a minute's acts at once
    source = a_source(account, "into", max_pages=2)
    discovery.run_source(source=source, by=None)
    run_lanes(at_most=60)
    source.refresh_from_db()
    seen = requested(control)
    assert source.pages == seen["fetch_search"] == 2
    assert not source.exhausted
    assert source.found == Profile.objects.count() == seen["fetch_profile"] > 0
    assert Profile.objects.filter(fetched_at__isnull=True).count() == 0
    assert set(Profile.objects.values_list("found_by", "found_via")) == {
        (account.pk, "Search or hashtag: into")
    }


def test_whom_we_know_is_dropped_before_any_fetch(account: Account, control: Control) -> None:
    source = a_source(account, max_pages=1)
    discovery.run_source(source=source, by=None)
    run_lanes(at_most=60)
    known = Profile.objects.count()
    control.forget_requests()
    discovery.run_source(source=source, by=None)
    run_lanes()
    source.refresh_from_db()
    assert requested(control) == {"fetch_search": 1}
    assert (source.duplicates, Profile.objects.count()) == (known, known)


def test_a_source_that_was_stopped_reads_no_further_page(account: Account, control: Control) -> None:
    source = a_source(account, "into")
    task = discovery.run_source(source=source, by=None)
    discovery.stop_source(source=source, by=None)
    run_lanes(at_most=60)
    assert Task.objects.filter(kind=ActionKind.FETCH_SEARCH).get() == task
    assert requested(control)["fetch_search"] == 1


def test_a_source_without_a_further_page_is_exhausted(
    account: Account, somebody: Somebody, control: Control
) -> None:
    source = a_source(account, "nobody-says-this-anywhere")
    discovery.run_source(source=source, by=None)
    run_lanes()
    source.refresh_from_db()
    assert (source.exhausted, source.pages, source.found) == (True, 1, 0)


def test_our_own_accounts_are_never_leads(account: Account) -> None:
    make_account(handle="Our.Other")
    source = a_source(account)
    task = discovery.run_source(source=source, by=None)
    found = (ProfileInfo("our.other", "1"), ProfileInfo(account.handle, "2"), ProfileInfo("newcomer", "3"))
    with transaction.atomic():
        discovery.take_page(task, Page(found))
    assert list(Profile.objects.values_list("handle", flat=True)) == ["newcomer"]


# --- Handles by hand ---------------------------------------------------------------------------------------
def test_handles_by_hand_are_added_once_and_read_at_once(account: Account, control: Control) -> None:
    person = next(one for one in control.people() if one.temper == "silent")
    make_profile("already_here")
    handles = [person.handle, f"@{person.handle.upper()}", "already_here", account.handle]
    result = discovery.queue_handles(network="sandbox", handles=handles, account=account, by=None)
    assert (result.added, result.known) == (1, 2)
    run_lanes()
    profile = Profile.objects.get(handle=person.handle)
    assert (profile.found_via, profile.remote_id, bool(profile.fetched_at)) == ("manual", person.id, True)
    assert requested(control) == {"fetch_profile": 1}


def test_a_handle_that_is_none_or_another_network_changes_nothing(account: Account) -> None:
    with pytest.raises(ValidationError):
        discovery.queue_handles(network="sandbox", handles=["good_one", ""], account=account, by=None)
    with pytest.raises(ValidationError, match="is not on mastodon"):
        discovery.queue_handles(network="mastodon", handles=["a@b.cd"], account=account, by=None)
    assert not Profile.objects.exists()


# --- Refreshing --------------------------------------------------------------------------------------------
def test_profiles_whose_time_has_come_are_read_again_once(
    account: Account, somebody: Somebody, control: Control
) -> None:
    past = timezone.now() - timedelta(minutes=1)
    due = somebody(found_by=account, refresh_at=past)
    somebody(found_by=account, refresh_at=timezone.now() + timedelta(days=1))
    somebody(refresh_at=past)  # nobody of ours found them: nobody reads them again
    assert discovery.refresh_due() == 1
    assert discovery.refresh_due() == 0
    run_lanes()
    assert requested(control) == {"fetch_profile": 1}
    due.refresh_from_db()
    assert due.refresh_at is not None
    assert due.refresh_at > timezone.now() + timedelta(days=13)


def test_a_profile_waiting_to_be_read_is_not_queued_twice(account: Account, somebody: Somebody) -> None:
    profile = somebody(found_by=account)
    for _ in range(2):
        discovery.refresh(profile=profile, account=account, by=None)
    assert Task.objects.filter(profile=profile).count() == 1
    Task.objects.update(state=TaskState.COMPLETED, finished_at=timezone.now(), dedupe_key="earlier")
    discovery.refresh(profile=profile, account=account, by=None)
    assert Task.objects.filter(profile=profile).count() == 2
