"""The way from step to step, on the sandbox network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from automation.campaigns import progress, services
from automation.campaigns.services import StepSpec, VariantSpec
from automation.channels.sandbox.control import Control
from automation.engine import outcomes, tasks
from automation.enums import CampaignStatus, EnrolmentState, Reason, TaskState
from automation.models import Campaign, Enrolment, Task
from leads import consent
from leads.models import Profile
from outreach.lib import clock
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
HELLO = (VariantSpec("Hello {display_name}"),)


def begin(account: Account, profile: Profile, *steps: StepSpec, **fields: Any) -> Campaign:
    campaign = services.create_campaign(
        name=f"To {profile.handle} {clock.database_now()}",
        network="sandbox",
        steps=steps,
        accounts=[account],
        by=None,
        **fields,
    )
    services.enrol(campaign=campaign, profiles=[profile], by=None)
    services.start(campaign=campaign, by=None)
    progress.begin(campaign.pk)
    return campaign


def ended(campaign: Campaign) -> tuple[str, str]:
    campaign.refresh_from_db()
    return campaign.enrolments.get().state, campaign.status


def kinds(control: Control, account: Account) -> list[str]:
    return [act.kind for act in control.ledger() if act.account == account.handle]


def test_steps_follow_each_other_after_their_waits(
    account: Account, somebody: Somebody, control: Control
) -> None:
    campaign = begin(
        account,
        somebody(),
        StepSpec("follow"),
        StepSpec("wait", delay=0.6),
        StepSpec("dm", delay=0.3, variants=HELLO),
    )
    run_lanes()
    assert kinds(control, account) == ["follow"]
    assert Task.objects.get(campaign=campaign, kind="dm").reason == Reason.SCHEDULED
    run_lanes(within=2.0)
    follow, message = (act for act in control.ledger() if act.account == account.handle)
    assert (follow.kind, message.kind) == ("follow", "dm")
    assert message.at - follow.at >= timedelta(seconds=0.9)
    assert ended(campaign) == (EnrolmentState.DONE, CampaignStatus.COMPLETED)


def test_steps_without_a_post_to_act_on_are_passed_over(
    account: Account, somebody: Somebody, control: Control
) -> None:
    steps = (StepSpec("like"), StepSpec("reply", variants=HELLO), StepSpec("dm", variants=HELLO))
    campaign = begin(account, somebody(recent_posts=[]), *steps)
    run_lanes()
    assert kinds(control, account) == ["dm"]
    assert ended(campaign)[0] == EnrolmentState.DONE


def test_a_post_that_is_gone_costs_the_like_not_the_campaign(
    account: Account, somebody: Somebody, control: Control
) -> None:
    profile = somebody(recent_posts=[{"remote_id": "p-gone", "text": "x"}])
    campaign = begin(account, profile, StepSpec("like"), StepSpec("dm", variants=HELLO))
    run_lanes()
    assert Task.objects.get(campaign=campaign, kind="like").reason == Reason.NOT_FOUND
    assert kinds(control, account) == ["dm"]
    assert ended(campaign)[0] == EnrolmentState.DONE


def refuse(task: Task) -> None:
    outcomes._fail([task.pk], Reason.REFUSED, "The network says no.")


def test_a_refused_follow_is_passed_over_and_a_refused_message_ends_the_enrolment(
    account: Account, somebody: Somebody
) -> None:
    campaign = begin(account, somebody(), StepSpec("follow"), StepSpec("dm", variants=HELLO))
    refuse(Task.objects.get(campaign=campaign, kind="follow"))
    assert campaign.enrolments.get().state == EnrolmentState.ACTIVE
    refuse(Task.objects.get(campaign=campaign, kind="dm"))
    assert campaign.enrolments.get().state == EnrolmentState.FAILED
    assert campaign.enrolments.get().detail == "The network refused it: The network says no."


def test_an_unclear_step_keeps_the_enrolment_where_it_is(account: Account, somebody: Somebody) -> None:
    campaign = begin(account, somebody(), StepSpec("dm", variants=HELLO), StepSpec("follow"))
    task = Task.objects.get(campaign=campaign)
    outcomes.park(task)
    assert campaign.enrolments.get().state == EnrolmentState.ACTIVE
    outcomes.decide(task, took_place=True, by="test")
    assert campaign.enrolments.get().position == 1
    assert Task.objects.filter(campaign=campaign, kind="follow", state=TaskState.PENDING).exists()


def test_a_step_cancelled_by_hand_ends_the_enrolment_and_completes_the_campaign(
    account: Account, somebody: Somebody
) -> None:
    campaign = begin(account, somebody(), StepSpec("dm", variants=HELLO))
    tasks.cancel([Task.objects.get(campaign=campaign).pk], reason=Reason.BY_HAND, by="test")
    assert ended(campaign) == (EnrolmentState.FAILED, CampaignStatus.COMPLETED)


def test_a_no_in_the_middle_opts_out_and_nothing_more_is_sent(
    account: Account, somebody: Somebody, control: Control
) -> None:
    profile = somebody()
    campaign = begin(account, profile, StepSpec("follow"), StepSpec("dm", delay=0.5, variants=HELLO))
    run_lanes()
    consent.suppress_person(person_id=profile.person_id, by="test")
    run_lanes(within=1.0)
    assert kinds(control, account) == ["follow"]
    assert ended(campaign) == (EnrolmentState.OPTED_OUT, CampaignStatus.COMPLETED)
    assert Task.objects.get(campaign=campaign, kind="dm").reason == Reason.SUPPRESSED


def test_the_last_act_of_a_paused_campaign_completes_it_when_it_is_resumed(
    account: Account, somebody: Somebody
) -> None:
    campaign = begin(account, somebody(), StepSpec("dm", variants=HELLO))
    services.pause(campaign=campaign, by=None)
    Enrolment.objects.filter(campaign=campaign).update(state=EnrolmentState.DONE)
    services.resume(campaign=campaign, by=None)
    progress.begin(campaign.pk)
    assert ended(campaign)[1] == CampaignStatus.COMPLETED
