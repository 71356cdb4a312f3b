"""What automation does when the apps below it announce something. Everything runs in the announcer's transaction."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.enums import WORKING_STATUSES, AccountStatus, Health
from accounts.models import Account
from automation import services
from automation.asking import ledger
from automation.campaigns import newcomers, progress
from automation.content import services as _content  # noqa: F401 - registers the effects of finished tasks
from automation.conversations import inbox as _inbox  # noqa: F401
from automation.conversations import labels as _labels  # noqa: F401
from automation.conversations import notices as _notices  # noqa: F401
from automation.discovery import services as _discovery  # noqa: F401
from automation.engine import lanes, tasks
from automation.enums import OPEN_ENROLMENTS, EnrolmentState, Reason, TaskState
from automation.handles import services as _handles  # noqa: F401
from automation.health import reading
from automation.health import services as health
from automation.models import Enrolment, Lane, Task
from automation.onboarding import progress as _onboarding  # noqa: F401
from leads import segments
from leads.enums import SuppressionReason
from outreach.lib import events
from outreach.lib.events import Event

# The columns of an account that say when acts upon people may happen.
PACE = {"sending_gap", "window_opens", "window_closes", "time_zone", "next_time_zone"}


def connect() -> None:
    """Subscribe; called once when Django starts."""
    events.subscribe("account.created", open_lanes)
    events.subscribe("account.status_changed", follow_status)
    events.subscribe("account.changed", look_again)
    events.subscribe("account.limits_changed", lift_limits)
    events.subscribe("person.suppressed", honour_no)
    for gone in ("person.erased", "person.deleted", "lead.deleted", "contact.deleted"):
        events.subscribe(gone, forget_words)
    events.subscribe("task.failed", look_after)
    segments.on_join(newcomers.notice)


def open_lanes(event: Event) -> None:
    """A new account gets its lane and is verified."""
    for account in Account.objects.filter(pk__in=event.ids):
        services.verify_account(account=account, by=event.by)


def follow_status(event: Event) -> None:
    """An account that may not act holds its lane; one that may again lifts the hold; one that is pending is verified."""
    for account in Account.objects.filter(pk__in=event.ids):
        lanes.open_lane(account)
        if account.status in WORKING_STATUSES:
            lanes.lift([account.pk], reasons=[Reason.ACCOUNT_NOT_WORKING])
            if account.health == Health.QUARANTINED:
                health.give_another_chance(account, by=event.by)
        else:
            detail = account.status_reason or account.get_status_display()
            lanes.hold(account.pk, kind="", reason=Reason.ACCOUNT_NOT_WORKING, until=None, detail=detail)
        if account.status == AccountStatus.PENDING:
            services.verify_account(account=account, by=event.by)


def look_again(event: Event) -> None:
    """Gap, window or time zone changed: what the lanes wait for is worked out anew. Other changes leave the gap alone."""
    if not PACE & set(event.data.get("fields", PACE)):
        return
    Lane.objects.filter(pk__in=event.ids).update(people_until=None, people_reason="")
    lanes.rouse(event.ids)


def lift_limits(event: Event) -> None:
    """Limits changed: what waits for one is tried again; the counters decide as ever."""
    chosen = Lane.objects.filter(pk__in=event.ids)
    if network := event.data.get("network"):
        chosen = Lane.objects.filter(network=network)
    lane_ids = list(chosen.values_list("pk", flat=True))
    lanes.lock(lane_ids)  # a claim under way may yet put off tasks for the old limit
    Task.objects.pending().filter(
        lane_id__in=lane_ids, reason__in=[Reason.CAMPAIGN_LIMIT, Reason.RESERVE]
    ).update(due_at=Now(), reason="", detail="")
    lanes.lift(lane_ids, reasons=[Reason.LIMIT])


def look_after(event: Event) -> None:
    """A task failed in a way that says something about its account: how is it doing?"""
    if event.data.get("reason") in (*reading.NO, *reading.TROUBLE):
        health.after_failures(Task.objects.filter(pk__in=event.ids).values_list("lane_id", flat=True))


def honour_no(event: Event) -> None:
    """People said no: what is pending or only claimed for them is cancelled, their enrolments end.

    Rows a worker holds at this moment are passed over: it waits for our lock on the person and finds the no itself.
    """
    # First, so that a cancelled task does not end them for another reason.
    enrolments = Enrolment.objects.filter(person_id__in=event.ids, state__in=OPEN_ENROLMENTS)
    bounced = event.data.get("reason") == SuppressionReason.HARD_BOUNCE
    state = EnrolmentState.BOUNCED if bounced else EnrolmentState.OPTED_OUT
    progress.close(list(enrolments.values_list("pk", flat=True)), state=state)
    waiting = Task.objects.filter(person_id__in=event.ids, state__in=(TaskState.PENDING, TaskState.RUNNING))
    tasks.cancel(list(waiting.values_list("id", flat=True)), reason=Reason.SUPPRESSED, by=event.by)


def forget_words(event: Event) -> None:
    """People are gone: so are the prompts and answers with words of theirs. What the calls cost stays."""
    ledger.forget_people(event.ids)
