"""A no, a reply or a cancellation that comes while workers work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts.enums import ActionKind
from accounts.models import Account
from accounts.services import set_limit
from automation.campaigns import services as campaigns
from automation.channels.sandbox.channel import SandboxChannel
from automation.channels.sandbox.control import Control
from automation.conversations.services import stop_on_reply
from automation.engine import claim as claiming
from automation.engine import drain, runner
from automation.engine.claim import claim
from automation.enums import CampaignStatus, EnrolmentState, Reason, TaskState
from automation.models import Attempt
from leads import consent
from leads.models import Profile
from outreach.lib import clock
from tests.automation.conftest import add_dm, arrived, lease, refreshed, run_lanes, used
from tests.factories import make_campaign, make_enrolment

pytestmark = pytest.mark.django_db(transaction=True)
Somebody = Callable[..., Profile]
Ours = Callable[..., Account]


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("proves", [True, False], ids=["batches", "one by one"])
def test_after_a_no_nothing_starts(
    ours: Ours,
    somebody: Somebody,
    control: Control,
    engine: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    proves: bool,
) -> None:
    monkeypatch.setattr(SandboxChannel, "proves", proves)
    engine.update(batch_size=10, drain_linger_seconds=0.5)
    accounts = [ours() for _ in range(4)]
    for account in accounts:
        set_limit(account=account, kind=ActionKind.DM, limit=500, by="test")
    people = [somebody() for _ in range(50)]
    sent = [add_dm(account, profile) for profile in people for account in accounts]
    before = deadlocks()
    worker = threading.Thread(target=run_drain)
    worker.start()
    no_at: dict[int, datetime] = {}
    for profile in people[::-2]:
        consent.suppress_person(person_id=profile.person_id, by="test")
        no_at[profile.person_id] = clock.database_now()
    worker.join(timeout=60)
    run_lanes()
    for attempt in Attempt.objects.filter(task__person__in=no_at, started_at__isnull=False).select_related(
        "task"
    ):
        assert attempt.started_at < no_at[attempt.task.person_id]
    states = {refreshed(task).state for task in sent}
    assert TaskState.CANCELLED in states
    assert states <= {TaskState.COMPLETED, TaskState.CANCELLED}
    person_of = {str(task.send_id): task.person_id for task in sent}
    for act in arrived(control, *sent):
        said_no = no_at.get(person_of[act.send_id] or 0)
        assert said_no is None or act.at < said_no + timedelta(seconds=1.5), "later than its batch may take"
    done = [task for task in sent if refreshed(task).state == TaskState.COMPLETED]
    assert len(arrived(control, *sent)) == len(done)
    assert sum(used(account) for account in accounts) == len(done)
    time.sleep(1.1)  # the server's statistics come late
    assert deadlocks() == before


def run_drain() -> None:
    try:
        drain.drain()
    finally:
        connection.close()


def test_a_reply_stops_what_was_claimed_but_not_started(
    account: Account, somebody: Somebody, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SandboxChannel, "proves", False)
    set_limit(account=account, kind=ActionKind.DM, limit=5, by="test")
    campaign = make_campaign(status=CampaignStatus.RUNNING)
    profile = somebody()
    enrolment = make_enrolment(campaign, profile, account=account, state=EnrolmentState.ACTIVE)
    task = add_dm(account, profile, campaign_id=campaign.pk, enrolment_id=enrolment.pk)
    mine = lease(account.lane)
    channel = runner.open_channel(mine)
    (one,) = claim(mine, channel, batch=1).claims
    assert used(account) == 1
    stop_on_reply(profile.person_id)
    assert runner.call_one(channel, one) is None
    assert (refreshed(task).state, refreshed(task).reason) == (TaskState.CANCELLED, Reason.REPLIED)
    enrolment.refresh_from_db()
    assert enrolment.state == EnrolmentState.REPLIED
    assert arrived(control, task) == []
    assert used(account) == 0


def test_a_task_that_comes_due_while_its_campaign_is_resumed_is_not_shelved_for_good(
    account: Account, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(status=CampaignStatus.PAUSED)
    task = add_dm(account, somebody(), campaign_id=campaign.pk)
    shelve = claiming._shelve

    def resume() -> None:
        campaigns.resume(campaign=campaign, by="test")
        connection.close()

    def shelve_too_late(task_ids: list[int]) -> None:
        """The claim has read that the campaign is paused; now somebody resumes it."""
        if task_ids:
            thread = threading.Thread(target=resume)
            thread.start()
            thread.join(timeout=10)
            assert not thread.is_alive(), "claim and resume wait for each other"
        shelve(task_ids)

    monkeypatch.setattr(claiming, "_shelve", shelve_too_late)
    run_lanes()
    assert refreshed(task).state == TaskState.COMPLETED
