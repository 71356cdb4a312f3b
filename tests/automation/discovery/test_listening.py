"""What discovery makes of people who fit, say no, or are gone."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Account
from automation.channels.base import PostInfo
from automation.channels.sandbox.control import Control
from automation.discovery import budgets, frontier, posts
from automation.discovery import services as discovery
from automation.discovery.frontier import Look
from automation.enums import LookKind, LookOrigin, LookState
from automation.models import FrontierEntry, QualificationRule, SeenPage
from leads import consent
from leads.enums import Stage
from leads.models import Profile
from leads.services import set_stage
from outreach.lib import events
from tests.automation.discovery.conftest import Somebody, explore, requested, states
from tests.factories import make_profile

pytestmark = pytest.mark.django_db(transaction=True)


def growing() -> None:
    plan = budgets.plan_of("sandbox")
    plan.expand = True
    budgets.save_plan(plan, by=None)


def near(profile: Profile) -> set[str]:
    return set(FrontierEntry.objects.filter(profile=profile).values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("comments", "kinds"), [(5, {LookKind.RELATED}), (6, {LookKind.RELATED, LookKind.COMMENTERS})]
)
def test_a_plan_that_grows_looks_around_whoever_fits_once(comments: int, kinds: set[str]) -> None:
    growing()
    profile = make_profile()
    posts.keep(profile, [PostInfo("1", "Tea", replies=comments)])
    for stage in (Stage.QUALIFIED, Stage.NEW, Stage.QUALIFIED):
        set_stage(profile.person, stage, by=None)
    assert near(profile) == kinds
    assert FrontierEntry.objects.count() == len(kinds)
    assert set(FrontierEntry.objects.values_list("origin", flat=True)) == {LookOrigin.EXPAND}


def test_without_growing_only_what_was_asked_for_is_read() -> None:
    profile = make_profile()
    set_stage(profile.person, Stage.QUALIFIED, by=None)
    assert not FrontierEntry.objects.exists()


def test_growth_reads_the_followers_of_somebody_who_fits(
    account: Account, somebody: Somebody, control: Control
) -> None:
    growing()
    QualificationRule.objects.create(name="All", network="sandbox", max_followers=0)  # nobody else fits
    profile = somebody(found_by=account)
    set_stage(profile.person, Stage.QUALIFIED, by=None)
    explore()
    assert requested(control)["fetch_related"] == 1
    assert Profile.objects.filter(found_via=f"Followers: {profile.handle}").exists()


def test_nothing_more_is_read_of_who_said_no() -> None:
    profile = make_profile(refresh_at=timezone.now())
    frontier.add(
        [Look("sandbox", kind, profile.handle, LookOrigin.HAND, profile_id=profile.pk) for kind in LookKind]
    )
    consent.suppress_person(person_id=profile.person_id, reason="manual", by=None)
    assert states() == {LookState.DROPPED: 4}


def test_pages_are_forgotten_when_somebody_is_deleted() -> None:
    SeenPage.objects.create(key="k", people=[{"handle": "ann"}])
    events.emit("person.deleted", model="leads.person", ids=[1])
    assert not SeenPage.objects.exists()


def test_handles_asked_for_are_read_though_the_plan_grows(account: Account, control: Control) -> None:
    growing()
    person = next(one for one in control.people() if one.temper == "silent")
    discovery.queue_handles(network="sandbox", handles=[person.handle], account=account, by=None)
    explore()
    assert requested(control) == {"fetch_profile": 1}
