"""What fell between the engine's own safeguards is found and put right."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.enums import ActionKind
from automation import recovery
from automation.content import services as content
from automation.enums import (
    AttemptState,
    CampaignStatus,
    EnrolmentState,
    PublicationState,
    Reason,
    StepKind,
    TaskState,
)
from automation.models import Attempt, Enrolment, Lane, Publication, Step, Task, Variant
from tests.factories import make_account, make_campaign, make_enrolment, make_lane, make_task

pytestmark = pytest.mark.django_db
NONE = dict.fromkeys(recovery.PARTS, 0)
LONG_AGO = timedelta(minutes=20)
JUST_NOW = timedelta(minutes=1)


def running(lane: Lane, *, deadline_ago: timedelta, state: str = AttemptState.STARTED) -> Task:
    task = make_task(lane, state=TaskState.RUNNING, attempt_count=1)
    Attempt.objects.create(
        task=task, number=1, state=state, deadline=timezone.now() - deadline_ago, worker="gone"
    )
    return task


def published(*, state: str, ended_ago: timedelta, reason: str = "") -> Publication:
    """A publication that was not told how its task ended."""
    account = make_account()
    task = make_task(
        make_lane(account), kind=ActionKind.POST, state=state, reason=reason, due_at=None,
        finished_at=timezone.now() - ended_ago, remote_id="42", url="https://example.org/42",
    )  # fmt: skip
    post = content.create_post(text="A post", by=None)
    return Publication.objects.create(post=post, account=account, state=PublicationState.SCHEDULED, task=task)


def enrolled(*, ended_ago: timedelta, state: str = TaskState.COMPLETED, **campaign: Any) -> Enrolment:
    """Somebody whose first of two acts ended without the second being written."""
    running = {"status": CampaignStatus.RUNNING, **campaign}
    made = make_campaign(**running)
    for position in (1, 2):
        step = Step.objects.create(campaign=made, position=position, kind=StepKind.DM)
        Variant.objects.create(step=step, name="A", text="Hello")
    account = make_account()
    enrolment = make_enrolment(made, state=EnrolmentState.ACTIVE, account=account)
    make_task(
        make_lane(account), kind=ActionKind.DM, state=state, due_at=None, finished_at=timezone.now() - ended_ago,
        enrolment=enrolment, campaign=made, profile=enrolment.profile, payload={"step": 1},
        reason=Reason.REFUSED if state == TaskState.FAILED else "",
    )  # fmt: skip
    return enrolment


def test_nothing_is_stuck_in_a_healthy_installation() -> None:
    due = timezone.now() + timedelta(hours=1)
    make_task(make_lane(next_at=due), due_at=due)
    running(make_lane(next_at=timezone.now()), deadline_ago=timedelta(seconds=-30))
    published(state=TaskState.COMPLETED, ended_ago=JUST_NOW)
    enrolled(ended_ago=JUST_NOW)
    enrolled(ended_ago=LONG_AGO, status=CampaignStatus.PAUSED)
    assert recovery.recover() == NONE


def test_dead_attempts_have_their_lane_looked_at(django_capture_on_commit_callbacks: Any) -> None:
    asleep, leased, due = make_lane(), make_lane(), make_lane(next_at=timezone.now())
    for lane in (asleep, leased, due):
        running(lane, deadline_ago=timedelta(minutes=1))
    Lane.objects.filter(pk=leased.pk).update(lease_until=timezone.now() + timedelta(seconds=20))
    with django_capture_on_commit_callbacks(execute=True):
        assert recovery.recover() == {**NONE, "dead attempts": 1}
    assert Lane.objects.get(pk=asleep.pk).next_at is not None
    assert recovery.recover() == NONE


def test_forgotten_lanes_behind_a_dead_lease_are_woken(django_capture_on_commit_callbacks: Any) -> None:
    lane = make_lane(lease_until=timezone.now() - timedelta(minutes=1))
    make_task(lane, due_at=timezone.now() - timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert recovery.recover_lanes() == 1
    assert recovery.recover_lanes() == 0


@pytest.mark.parametrize(
    ("ended", "reason", "becomes"),
    [
        (TaskState.COMPLETED, "", PublicationState.PUBLISHED),
        (TaskState.FAILED, Reason.REFUSED, PublicationState.FAILED),
    ],
)
def test_stuck_publications_learn_what_became_of_them(ended: str, reason: str, becomes: str) -> None:
    stuck = published(state=ended, ended_ago=LONG_AGO, reason=reason)
    assert recovery.recover() == {**NONE, "stuck publications": 1}
    stuck.refresh_from_db()
    assert stuck.state == becomes
    assert stuck.remote_id == ("42" if becomes == PublicationState.PUBLISHED else "")
    assert recovery.recover() == NONE


def test_stuck_people_go_on_with_the_next_act() -> None:
    stuck = enrolled(ended_ago=LONG_AGO)
    assert recovery.recover() == {**NONE, "stuck enrolments": 1}
    stuck.refresh_from_db()
    assert (stuck.state, stuck.position) == (EnrolmentState.ACTIVE, 1)
    assert Task.objects.filter(enrolment=stuck, state=TaskState.PENDING, payload__step=2).count() == 1
    assert recovery.recover() == NONE


def test_stuck_people_whose_act_was_refused_end_with_its_reason() -> None:
    stuck = enrolled(ended_ago=LONG_AGO, state=TaskState.FAILED)
    recovery.recover()
    stuck.refresh_from_db()
    assert stuck.state == EnrolmentState.FAILED
    assert "refused" in stuck.detail


def test_dry_run_counts_and_changes_nothing() -> None:
    publication, enrolment = (
        published(state=TaskState.COMPLETED, ended_ago=LONG_AGO),
        enrolled(ended_ago=LONG_AGO),
    )
    running(make_lane(), deadline_ago=timedelta(minutes=1))
    out = StringIO()
    call_command("recover", "--dry-run", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["found"] == {**NONE, "dead attempts": 1, "stuck publications": 1, "stuck enrolments": 1}
    assert (said["total"], said["dry_run"]) == (3, True)
    publication.refresh_from_db()
    enrolment.refresh_from_db()
    assert (publication.state, enrolment.position) == (PublicationState.SCHEDULED, 0)


def test_command_names_what_it_put_right() -> None:
    published(state=TaskState.COMPLETED, ended_ago=LONG_AGO)
    out = StringIO()
    call_command("recover", stdout=out)
    assert "1  stuck publications" in out.getvalue()
    assert "1  put right" in out.getvalue()
