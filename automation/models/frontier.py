"""Whom and what to look at next, what was seen in the last hour, and what people posted."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Account
from automation.enums import OPEN_LOOKS, LookKind, LookOrigin, LookState, OpportunityState, Priority
from automation.models.acting import Task
from automation.models.discovery import Source
from leads.models import Profile


class DiscoveryPlan(models.Model):
    """How much is looked at on one network a UTC day, and what for. ``used`` is what was handed out on ``used_on``."""

    network = models.CharField(max_length=32, unique=True)
    daily_looks = models.PositiveIntegerField(
        default=5000, help_text="Profiles and pages read on a UTC day, by all accounts together."
    )
    refresh_days = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="A known profile is read again after about so many days.",
    )  # fmt: skip
    expand = models.BooleanField(
        default=False, help_text="Look at the followers and commenters of whoever fits, by itself."
    )
    opportunities_wanted = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(5000)],
        help_text="Posts of the last day kept at hand to be replied to; about 250. 0: none are looked for.",
    )  # fmt: skip
    used_on = models.DateField(null=True, blank=True, editable=False)
    used = models.PositiveIntegerField(default=0, editable=False)
    filled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When enough opportunities were first at hand."
    )
    harvested_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("network",)

    def __str__(self) -> str:
        return self.network

    def left(self, today: date) -> int:
        """Looks that may still be handed out on ``today`` (UTC)."""
        return max(0, self.daily_looks - (self.used if self.used_on == today else 0))


class FrontierQuerySet(models.QuerySet["FrontierEntry"]):
    def waiting(self) -> FrontierQuerySet:
        return self.filter(state=LookState.WAITING)

    def open(self) -> FrontierQuerySet:
        return self.filter(state__in=OPEN_LOOKS)


class FrontierEntry(models.Model):
    """One thing to look at, once: a page of a list, or a profile. It becomes a task when its turn comes.

    ``account`` is who reads it; empty until it is chosen. ``query`` is search words, or the handle whose list or profile
    it is. The task may be gone from the ledger by the time somebody asks, hence no constraint.
    """

    network = models.CharField(max_length=32)
    kind = models.CharField(max_length=10, choices=LookKind)
    query = models.CharField(max_length=255)
    cursor = models.CharField(max_length=255, blank=True, default="")
    page = models.PositiveIntegerField(default=0)
    origin = models.CharField(max_length=8, choices=LookOrigin, default=LookOrigin.HAND)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.LOW)
    state = models.CharField(max_length=8, choices=LookState, default=LookState.WAITING)
    detail = models.CharField(max_length=255, blank=True, default="")
    due_at = models.DateTimeField(db_default=Now())
    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="frontier", db_index=False
    )
    profile = models.ForeignKey(Profile, models.CASCADE, null=True, blank=True, related_name="frontier")
    source = models.ForeignKey(Source, models.SET_NULL, null=True, blank=True, related_name="frontier")
    task = models.ForeignKey(
        Task, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    tries = models.PositiveSmallIntegerField(default=0)
    counted = models.BooleanField(
        default=False, help_text="Its profile turned out to fit and counts for the source."
    )
    from_cache = models.BooleanField(default=False, help_text="Answered by what was seen within the hour.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = FrontierQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "frontier entry"
        verbose_name_plural = "frontier"
        constraints = [
            models.UniqueConstraint(
                fields=["network", "query"], condition=Q(state__in=OPEN_LOOKS, kind=LookKind.PROFILE),
                name="frontier_holds_a_profile_once",
            ),
            models.UniqueConstraint(
                fields=["network", "kind", "query", "cursor", "source"],
                condition=Q(state__in=OPEN_LOOKS) & ~Q(kind=LookKind.PROFILE), nulls_distinct=False,
                name="frontier_holds_a_page_once_a_source",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_LOOKS) ^ Q(finished_at__isnull=False),
                name="frontier_finished_at_goes_with_its_state",
            ),
        ]  # fmt: skip
        indexes = [
            # discovery.frontier.feed: the most urgent that is due
            models.Index(
                fields=["network", "priority", "due_at", "id"], condition=Q(state=LookState.WAITING),
                name="frontier_due",
            ),
            # discovery.readers: how much each account has before it
            models.Index(fields=["account"], condition=Q(state=LookState.QUEUED), name="frontier_queued"),
            # admin and API lists by state
            models.Index(fields=["state", "-id"], name="frontier_state"),
            # retention
            models.Index(
                fields=["finished_at"], condition=Q(finished_at__isnull=False), name="frontier_finished"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.query}"


class SeenPage(models.Model):
    """A page of people as a network showed it, kept for an hour: the same question is not asked again.

    ``key`` is a hash of network, server, kind, query and cursor.
    """

    key = models.CharField(max_length=64, primary_key=True)
    people: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    next_cursor = models.TextField(blank=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="seen_page_seen_at")]  # retention

    def __str__(self) -> str:
        return self.key


class ProfilePost(models.Model):
    """A post of somebody we found, as it stood when their profile was last read."""

    profile = models.ForeignKey(Profile, models.CASCADE, related_name="posts", db_index=False)
    remote_id = models.CharField(max_length=255)
    text = models.TextField(blank=True)
    url = models.URLField(max_length=500, blank=True)
    language = models.CharField(max_length=8, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    likes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty where the network does not tell."
    )
    comments = models.PositiveIntegerField(null=True, blank=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-posted_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["profile", "remote_id"], name="profile_post_is_kept_once"),
        ]
        indexes = [
            # discovery.harvest: who posts how often; the newest of a profile
            models.Index(fields=["profile", "-posted_at"], name="profile_post_newest"),
            models.Index(fields=["seen_at"], name="profile_post_seen_at"),  # retention
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Opportunity(models.Model):
    """A post of the last day, on topic, that somebody who may fit wrote: one could reply to it until ``expires_at``."""

    post = models.OneToOneField(ProfilePost, models.CASCADE, related_name="opportunity")
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="opportunities")
    network = models.CharField(max_length=32)
    state = models.CharField(max_length=9, choices=OpportunityState, default=OpportunityState.OPEN)
    score = models.PositiveSmallIntegerField(validators=[MaxValueValidator(100)])
    topics: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=64), default=list)
    expires_at = models.DateTimeField()
    task = models.ForeignKey(
        Task, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    detail = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "opportunities"
        indexes = [
            # discovery.opportunities: the pool, and what has become too old
            models.Index(
                fields=["network", "expires_at"],
                condition=Q(state=OpportunityState.OPEN),
                name="opportunity_open",
            ),
            models.Index(fields=["state", "-id"], name="opportunity_state"),  # admin and API lists
            models.Index(fields=["created_at"], name="opportunity_created_at"),  # retention
        ]

    def __str__(self) -> str:
        return f"opportunity {self.pk}"
