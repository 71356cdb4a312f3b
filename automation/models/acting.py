"""The ledger of acts: tasks, their attempts, and the lanes they run in."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.enums import FINISHED_STATES, AttemptState, Priority, Reason, TaskState
from leads.models import Person, Profile


class LaneQuerySet(models.QuerySet["Lane"]):
    def due(self, at: datetime) -> LaneQuerySet:
        """Lanes with something to do at ``at`` that nobody works in."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
        return self.filter(free, next_at__lte=at)


class Lane(models.Model):
    """The ordered work of one account: at most one runner at a time, by a lease that ends by itself.

    ``lease_token`` grows with every lease, so a runner that slept through its lease can change nothing any more.
    """

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="lane")
    network = models.CharField(max_length=32)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    next_at = models.DateTimeField(null=True, blank=True, help_text="When something in it may run next.")
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.BigIntegerField(default=0)
    # Acts upon people wait until then: the sending gap after the last one, or the account's sending window.
    people_until = models.DateTimeField(null=True, blank=True)
    people_reason = models.CharField(max_length=24, choices=Reason, blank=True)
    # The breaker: failures in a row, and since when it is open.
    failures = models.PositiveSmallIntegerField(default=0)
    breaker_opened_at = models.DateTimeField(null=True, blank=True)
    # The rate, see engine.rates: kept here because a claim and its outcomes lock and write this row anyway.
    rate = models.PositiveIntegerField(
        null=True, blank=True, help_text="Acts a minute, as it adapted. Empty: the installation's start."
    )
    rate_reason = models.CharField(
        max_length=160, blank=True, default="", db_default="", help_text="Why the rate last changed."
    )
    rate_changed_at = models.DateTimeField(null=True, blank=True)
    minute_at = models.DateTimeField(null=True, blank=True, help_text="When the minute counted now began.")
    minute_taken = models.PositiveIntegerField(default=0, db_default=0)
    minute_failed = models.PositiveIntegerField(default=0, db_default=0)

    objects = LaneQuerySet.as_manager()

    class Meta:
        ordering = ("account_id",)
        indexes = [
            # engine.lanes.lease and the dispatcher: the most urgent due lane, the earliest next time
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="lane_next_at"),
        ]

    def __str__(self) -> str:
        return f"lane of account {self.account_id}"


class Hold(models.Model):
    """Why a kind of act (or, with an empty kind, every act) of a lane waits, and until when.

    One row holds back any number of tasks, so reaching a limit with 10,000 tasks queued is one UPDATE. Each reason has a row
    of its own: what one lifts leaves the others standing.
    """

    lane = models.ForeignKey(Lane, models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=20, choices=ActionKind, blank=True)
    reason = models.CharField(max_length=24, choices=Reason)
    detail = models.CharField(max_length=255, blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: until somebody lifts it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lane", "kind", "reason"], name="hold_is_unique_by_lane_kind_and_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'everything'} waits: {self.get_reason_display()}"


class TaskQuerySet(models.QuerySet["Task"]):
    def pending(self) -> TaskQuerySet:
        return self.filter(state=TaskState.PENDING)

    def finished(self) -> TaskQuerySet:
        return self.filter(state__in=FINISHED_STATES)

    def overdue(self, before: datetime) -> TaskQuerySet:
        """Pending tasks that should have run before ``before`` and that nothing holds back."""
        held = Hold.objects.filter(
            Q(kind="") | Q(kind=models.OuterRef("kind")), lane=models.OuterRef("lane")
        ).filter(Q(until__isnull=True) | Q(until__gt=Now()))
        return self.pending().filter(~models.Exists(held), due_at__lt=before)

    def with_waiting(self) -> TaskQuerySet:
        """Adds ``hold_reason``, ``hold_detail`` and ``hold_until`` of the hold that applies, most far-reaching first."""
        hold = Hold.objects.filter(
            Q(kind="") | Q(kind=models.OuterRef("kind")),
            Q(until__isnull=True) | Q(until__gt=Now()),
            lane=models.OuterRef("lane"),
        ).order_by(models.F("until").desc(nulls_first=True))
        return self.annotate(
            hold_reason=models.Subquery(hold.values("reason")[:1]),
            hold_detail=models.Subquery(hold.values("detail")[:1]),
            hold_until=models.Subquery(hold.values("until")[:1]),
        )


class Task(models.Model):
    """One act, once. Its ``send_id`` is the same in every attempt; ``dedupe_key`` makes asking twice one task.

    ``person`` is whom the act touches: set exactly for the acts a no forbids. ``due_at`` is when it may run next;
    empty means not before something wakes it, and ``reason`` says what.
    """

    lane = models.ForeignKey(Lane, models.PROTECT, related_name="tasks", db_index=False)
    kind = models.CharField(max_length=20, choices=ActionKind)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    state = models.CharField(max_length=10, choices=TaskState, default=TaskState.PENDING)
    due_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=24, choices=Reason, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    failure_count = models.PositiveSmallIntegerField(
        default=0, help_text="Tries that failed and count against the maximum."
    )
    dedupe_key = models.CharField(max_length=160, unique=True)
    send_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    person = models.ForeignKey(
        Person, models.SET_NULL, null=True, blank=True, related_name="tasks", db_index=False
    )
    profile = models.ForeignKey(
        Profile, models.SET_NULL, null=True, blank=True, related_name="tasks", db_index=False
    )
    campaign = models.ForeignKey(
        "automation.Campaign", models.SET_NULL, null=True, blank=True, related_name="tasks", db_index=False
    )
    enrolment = models.ForeignKey(
        "automation.Enrolment", models.SET_NULL, null=True, blank=True, related_name="tasks", db_index=False
    )
    payload: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    remote_id = models.CharField(max_length=255, blank=True)
    url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [
            # engine.claim: the next due tasks of a lane, kind by kind and by priority
            models.Index(
                fields=["lane", "kind", "priority", "due_at", "id"],
                condition=Q(state=TaskState.PENDING),
                name="task_claim",
            ),
            # engine.reconcile: unclear outcomes of a lane
            models.Index(
                fields=["lane", "due_at"], condition=Q(state=TaskState.UNKNOWN), name="task_unknown"
            ),
            # health: the oldest overdue task
            models.Index(fields=["due_at"], condition=Q(state=TaskState.PENDING), name="task_overdue"),
            # retention
            models.Index(
                fields=["state", "finished_at"], condition=Q(finished_at__isnull=False), name="task_finished"
            ),
            # automation.health: the last tasks of an account that ended, past any number that wait
            models.Index(
                fields=["lane", "-finished_at"],
                condition=Q(finished_at__isnull=False),
                name="task_lane_finished",
            ),
            # admin and API lists by state, and by account
            models.Index(fields=["state", "-id"], name="task_state"),
            models.Index(fields=["lane", "-id"], name="task_lane"),
            models.Index(fields=["person", "-id"], condition=Q(person__isnull=False), name="task_person"),
            models.Index(fields=["profile"], condition=Q(profile__isnull=False), name="task_profile"),
            models.Index(
                fields=["campaign", "state"], condition=Q(campaign__isnull=False), name="task_campaign"
            ),
            models.Index(fields=["enrolment"], condition=Q(enrolment__isnull=False), name="task_enrolment"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=FINISHED_STATES) ^ Q(finished_at__isnull=True),
                name="task_finished_at_goes_with_its_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"


class Attempt(models.Model):
    """One try at a task. What is ``claimed`` was not sent; what is ``started`` may have been."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=AttemptState, default=AttemptState.CLAIMED)
    deadline = models.DateTimeField(
        help_text="After it the worker no longer calls, and others may reconcile."
    )
    worker = models.CharField(max_length=64)
    allowances: ArrayField[list[int], list[int]] = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text="The counters it holds a unit of."
    )
    claimed_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ("task_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="attempt_is_unique_by_task_and_number"),
        ]
        indexes = [
            # engine.recover: attempts whose worker is gone
            models.Index(
                fields=["deadline"],
                condition=Q(state__in=[AttemptState.CLAIMED, AttemptState.STARTED]),
                name="attempt_open",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of task {self.task_id}: {self.state}"


class Drain(models.Model):
    """A running drain; one that has not beaten for a few seconds is gone and no longer counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    worker = models.CharField(max_length=64)
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.worker
