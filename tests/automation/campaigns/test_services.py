"""Campaigns from draft to their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Account
from automation.campaigns import progress, queries, services
from automation.campaigns.services import StepSpec, VariantSpec
from automation.enums import CampaignStatus, EnrolmentState, Reason, TaskState
from automation.models import Campaign, Enrolment, Task
from leads import consent
from leads.models import Profile
from outreach.lib import queue
from tests.factories import make_account, make_campaign, make_lane, make_person, make_profile

pytestmark = pytest.mark.django_db
DM = StepSpec("dm", variants=(VariantSpec("Hi {first_name}"),))


def account_with_lane(**fields: Any) -> Account:
    account = make_account(**fields)
    make_lane(account)
    return account


def create(*accounts: Account, steps: tuple[StepSpec, ...] = (DM,), **fields: Any) -> Campaign:
    values = {"name": f"Campaign {timezone.now().timestamp()}", "network": "sandbox", "by": None}
    return services.create_campaign(steps=steps, accounts=accounts, **{**values, **fields})


def started(*accounts: Account, profiles: list[Profile], **fields: Any) -> Campaign:
    """A running campaign in which these people have begun."""
    campaign = create(*accounts, **fields)
    services.enrol(campaign=campaign, profiles=profiles, by=None)
    services.start(campaign=campaign, by=None)
    progress.begin(campaign.pk)
    return campaign


# --- Drafts ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"network": "nowhere"}, '"nowhere" is not a network'),
        ({"steps": (StepSpec("dance"),)}, '"dance" is not a step'),
        ({"steps": (StepSpec("email", variants=(VariantSpec("x"),)),)}, "sandbox cannot email"),
        ({"steps": (StepSpec("follow", delay=-1),)}, "below zero"),
        ({"steps": (StepSpec("dm"),)}, "give at least one wording"),
        ({"steps": (StepSpec("dm", variants=(VariantSpec("x", weight=0),)),)}, "give at least one wording"),
        (
            {"steps": (StepSpec("dm", variants=(VariantSpec("Hi {nickname}"),)),)},
            "Unknown placeholder {nickname}",
        ),
    ],
)
def test_what_could_not_run_is_refused_with_a_reason(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace("{", r"\{").replace("}", r"\}")):
        create(account_with_lane(), **fields)
    assert not Campaign.objects.exists()


def test_an_account_of_another_network_is_refused() -> None:
    with pytest.raises(ValidationError, match="Not on sandbox"):
        create(account_with_lane(network="mastodon"))


def test_only_drafts_change_their_steps() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile()])
    with pytest.raises(ValidationError, match="Only a draft"):
        services.set_steps(campaign=campaign, steps=[DM], by=None)


def test_a_campaign_that_has_begun_keeps_an_account() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile()])
    with pytest.raises(ValidationError, match="at least one account"):
        services.set_accounts(campaign=campaign, accounts=[], by=None)


# --- Enrolling ---------------------------------------------------------------------------------------------
def test_enrolling_counts_what_became_of_everybody() -> None:
    ours = account_with_lane(handle="Our.Shop")
    campaign = create(ours)
    known, suppressed = make_profile(), make_profile()
    consent.suppress_person(person_id=suppressed.person_id, by="test")
    services.enrol(campaign=campaign, profiles=[known], by=None)
    given = [
        known,
        suppressed,
        make_profile(),
        make_profile(),
        make_profile(network="mastodon", handle="x@y.zz"),
    ]
    given.append(Profile.objects.create(person=make_person(), network="sandbox", handle="our.shop"))
    result = services.enrol(campaign=campaign, profiles=given, by=None)
    assert result == services.Enrolled(added=2, already=1, suppressed=1, unsuitable=2)
    assert campaign.enrolments.count() == 3
    assert not Task.objects.filter(campaign=campaign).exists(), "enrolling sends nothing"


def test_a_person_with_several_profiles_is_enrolled_with_the_one_that_fits() -> None:
    campaign = create(account_with_lane())
    elsewhere = make_profile(network="mastodon", handle="ada@example.org")
    here = make_profile(person=elsewhere.person)
    assert services.enrol(campaign=campaign, profiles=[elsewhere, here], by=None).added == 1
    assert campaign.enrolments.get().profile == here


def test_enrolling_costs_the_same_for_one_and_for_many(django_assert_max_num_queries: Any) -> None:
    campaign = create(account_with_lane())
    profiles = [make_profile() for _ in range(60)]
    with django_assert_max_num_queries(9):
        services.enrol(campaign=campaign, profiles=profiles, by=None)


def test_nobody_is_enrolled_in_a_campaign_that_ended_whatever_the_caller_still_holds() -> None:
    campaign = create(account_with_lane())
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.COMPLETED)
    with pytest.raises(ValidationError, match="has ended"):
        services.enrol(campaign=campaign, profiles=[make_profile()], by=None)


# --- Start, pause, resume, cancel --------------------------------------------------------------------------
def test_starting_needs_steps_an_account_and_a_draft() -> None:
    with pytest.raises(ValidationError, match="at least one step"):
        services.start(campaign=create(account_with_lane(), steps=()), by=None)
    with pytest.raises(ValidationError, match="at least one account"):
        services.start(campaign=create(), by=None)
    campaign = create(account_with_lane())
    before = queue.backlog()
    services.start(campaign=campaign, by=None)
    assert (campaign.status, queue.backlog()) == (CampaignStatus.RUNNING, before + 1)
    with pytest.raises(ValidationError, match="A running campaign cannot be started"):
        services.start(campaign=campaign, by=None)


def test_people_are_spread_evenly_over_the_accounts() -> None:
    accounts = [account_with_lane() for _ in range(3)]
    campaign = started(*accounts, profiles=[make_profile() for _ in range(10)])
    load = sorted(campaign.enrolments.filter(account=account).count() for account in accounts)
    assert load == [3, 3, 4]
    services.enrol(campaign=campaign, profiles=[make_profile(), make_profile()], by=None)
    progress.begin(campaign.pk)
    assert [campaign.enrolments.filter(account=account).count() for account in accounts] == [4, 4, 4]


def test_beginning_twice_writes_each_task_once() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile() for _ in range(4)])
    assert progress.begin(campaign.pk) == 0
    assert Task.objects.filter(campaign=campaign).count() == 4


def test_who_said_no_before_the_beginning_is_opted_out_and_gets_no_task() -> None:
    campaign = create(account_with_lane())
    profile, other = make_profile(), make_profile()
    services.enrol(campaign=campaign, profiles=[profile, other], by=None)
    consent.suppress_person(person_id=profile.person_id, by="test")
    services.start(campaign=campaign, by=None)
    progress.begin(campaign.pk)
    assert campaign.enrolments.get(profile=profile).state == EnrolmentState.OPTED_OUT
    assert [task.profile for task in Task.objects.filter(campaign=campaign)] == [other]


def test_pausing_keeps_the_waits_and_resuming_makes_only_what_was_due_due_again() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile(), make_profile()])
    due, waiting = Task.objects.filter(campaign=campaign).order_by("pk")
    in_three_days = timezone.now() + timedelta(days=3)
    Task.objects.filter(pk=waiting.pk).update(due_at=in_three_days, reason=Reason.SCHEDULED)
    services.pause(campaign=campaign, by=None)
    due.refresh_from_db()
    assert (due.due_at, due.reason) == (None, Reason.CAMPAIGN_NOT_RUNNING)
    services.resume(campaign=campaign, by=None)
    due.refresh_from_db()
    waiting.refresh_from_db()
    assert (due.due_at is not None, due.reason) == (True, Reason.READY)
    assert (waiting.due_at, waiting.reason) == (in_three_days, Reason.SCHEDULED)


def test_cancelling_ends_everything_that_has_not_started() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile() for _ in range(3)])
    assert services.cancel(campaign=campaign, by=None) == 3
    assert campaign.status == CampaignStatus.CANCELLED
    assert set(Task.objects.filter(campaign=campaign).values_list("state", "reason")) == {
        (TaskState.CANCELLED, Reason.CAMPAIGN_ENDED)
    }
    assert set(campaign.enrolments.values_list("state", "detail")) == {
        (EnrolmentState.FAILED, "The campaign was cancelled.")
    }
    with pytest.raises(ValidationError, match="ended already"):
        services.cancel(campaign=campaign, by=None)


def test_cancelling_costs_the_same_for_one_and_for_many(django_assert_max_num_queries: Any) -> None:
    campaign = started(account_with_lane(), profiles=[make_profile() for _ in range(40)])
    with django_assert_max_num_queries(12):
        services.cancel(campaign=campaign, by=None)


# --- Completion --------------------------------------------------------------------------------------------
def test_a_campaign_completes_when_everybody_has_come_to_an_end(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    campaign = started(account_with_lane(), profiles=[make_profile(), make_profile()])
    first, second = campaign.enrolments.values_list("pk", flat=True)
    for enrolment, status in ((first, CampaignStatus.RUNNING), (second, CampaignStatus.COMPLETED)):
        with django_capture_on_commit_callbacks(execute=True):
            progress.close([enrolment], state=EnrolmentState.DONE)
        campaign.refresh_from_db()
        assert campaign.status == status
    assert campaign.finished_at is not None
    assert queries.progress(campaign) == 1.0
    assert queries.funnel([campaign.pk]) == {campaign.pk: {EnrolmentState.DONE: 2}}


def test_a_campaign_without_anybody_goes_on_running() -> None:
    campaign = make_campaign(status=CampaignStatus.RUNNING)
    assert progress.settle_completion(campaign.pk) is False
    assert queries.progress(campaign) == 0.0


def test_an_ended_enrolment_is_not_ended_again() -> None:
    campaign = started(account_with_lane(), profiles=[make_profile()])
    enrolment = campaign.enrolments.get()
    assert progress.close([enrolment.pk], state=EnrolmentState.REPLIED) == 1
    assert progress.close([enrolment.pk], state=EnrolmentState.FAILED, detail="late") == 0
    assert Enrolment.objects.get(pk=enrolment.pk).state == EnrolmentState.REPLIED
