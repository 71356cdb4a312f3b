"""What people and the clock ask to have read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.discovery import services as discovery
from automation.enums import LookKind, LookState, Priority, TaskState
from automation.models import FrontierEntry, Task
from leads import consent
from leads.models import Profile
from tests.automation.conftest import run_lanes
from tests.automation.discovery.conftest import Somebody, explore, requested
from tests.factories import make_profile

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_handles_by_hand_pass_whatever_waits(account: Account, somebody: Somebody, control: Control) -> None:
    plan = discovery.plan_of("sandbox")
    plan.daily_looks = 20  # one of them kept for people
    discovery.save_plan(plan, by=None)
    waiting = [somebody(found_by=account, refresh_at=Now()) for _ in range(30)]
    assert discovery.refresh_due() == 30
    explore()
    assert requested(control)["fetch_profile"] == 19
    stranger = next(one for one in control.people() if one.handle not in {p.handle for p in waiting})
    discovery.queue_handles(network="sandbox", handles=[stranger.handle], account=account, by=None)
    run_lanes()
    assert Profile.objects.get(handle=stranger.handle).fetched_at is not None
    assert requested(control)["fetch_profile"] == 20


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
    said_no = somebody(found_by=account, refresh_at=past)
    consent.suppress_person(person_id=said_no.person_id, reason="manual", by=None)
    assert discovery.refresh_due() == 1
    assert discovery.refresh_due() == 0
    explore()
    assert requested(control) == {"fetch_profile": 1}
    due.refresh_from_db()
    assert due.refresh_at is not None
    assert timedelta(days=11) < due.refresh_at - timezone.now() < timedelta(days=17)


def test_profiles_read_together_are_not_read_again_together(
    account: Account, somebody: Somebody, unpaced: dict[str, Any]
) -> None:
    for _ in range(20):
        somebody(found_by=account, refresh_at=Now())
    discovery.refresh_due()
    explore()
    times = sorted(Profile.objects.values_list("refresh_at", flat=True))
    assert times[-1] - times[0] > timedelta(days=1)


def test_a_profile_nobody_has_any_more_is_not_asked_for_again(account: Account, control: Control) -> None:
    gone = make_profile("long_gone", found_by=account, refresh_at=timezone.now())
    discovery.refresh_due()
    explore()
    gone.refresh_from_db()
    assert (requested(control)["fetch_profile"], gone.refresh_at) == (1, None)


def test_a_profile_waiting_to_be_read_is_not_queued_twice(account: Account, somebody: Somebody) -> None:
    profile = somebody(found_by=account, refresh_at=Now())
    discovery.refresh_due()
    for _ in range(2):
        discovery.refresh(profile=profile, account=account, by=None)
    task = Task.objects.get(profile=profile)
    assert task.priority == Priority.HIGH
    run_lanes()
    discovery.refresh(profile=profile, account=account, by=None)
    assert Task.objects.filter(profile=profile).count() == 2


# --- The frontier by hand ----------------------------------------------------------------------------------
def test_a_list_put_on_the_frontier_is_read_by_an_account_that_can(
    account: Account, control: Control
) -> None:
    entry = discovery.look(network="sandbox", kind=LookKind.SEARCH, query=" #coffee ", by=None)
    again = discovery.look(network="sandbox", kind=LookKind.SEARCH, query="#coffee", by=None)
    assert entry == again
    explore()
    entry.refresh_from_db()
    assert (entry.state, entry.account) == (LookState.DONE, account)
    assert Profile.objects.filter(found_via="Search or hashtag: #coffee", fetched_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": LookKind.PROFILE}, "added with their handles"),
        ({"network": "instagram"}, "does not search people"),
        ({"kind": LookKind.RELATED, "query": "two words"}, "is not a handle"),
    ],
)
def test_what_cannot_be_read_is_not_put_on_the_frontier(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        discovery.look(
            **{"network": "sandbox", "kind": LookKind.SEARCH, "query": "tea", "by": None, **fields}
        )
    assert not FrontierEntry.objects.exists()


def test_what_waits_can_be_hurried_or_called_off(account: Account, control: Control) -> None:
    later = timezone.now() + timedelta(days=1)
    rows = [
        FrontierEntry.objects.create(network="sandbox", kind=LookKind.SEARCH, query=query, due_at=later)
        for query in ("#coffee", "#baking", "#cycling")
    ]
    assert discovery.run_now([rows[0].pk], by=None) == 1
    assert discovery.call_off([rows[1].pk, rows[0].pk], by="Ann") == 1
    run_lanes()
    found = dict(FrontierEntry.objects.filter(kind=LookKind.SEARCH).values_list("query", "state"))
    assert found == {"#coffee": LookState.DONE, "#baking": LookState.DROPPED, "#cycling": LookState.WAITING}
    assert Task.objects.filter(kind=ActionKind.FETCH_SEARCH, state=TaskState.COMPLETED).count() == 1
