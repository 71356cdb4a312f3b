"""What was found out about profiles beyond what their networks tell, and how far finding out is."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from leads.models import Profile

WAITING = Q(due_at__isnull=False) | Q(online_at__isnull=False)


class EnrichmentQuerySet(models.QuerySet["Enrichment"]):
    def failed(self) -> EnrichmentQuerySet:
        """Profiles with a step that failed."""
        return self.exclude(failed=[])

    def waiting(self) -> EnrichmentQuerySet:
        """Profiles with something left to do, now or later."""
        return self.filter(WAITING)


class Enrichment(models.Model):
    """Where one profile stands with all steps: one row, written once for all steps that only compute.

    ``steps`` holds for each step by name ``{"s": state, "v": version, "i": hash of what it read}`` and, where it is not
    simply done, ``n`` tries, ``why`` and ``at`` (when it is tried again, ISO 8601). ``facts`` are what steps found, by step.
    A trigger on profiles makes the row, and has it due again with a new ``revision`` when something changes that steps read.
    While a worker is at it, ``due_at`` or ``online_at`` is when others may take it over.
    """

    profile = models.OneToOneField(
        Profile, models.CASCADE, primary_key=True, related_name="enrichment", db_constraint=False
    )
    steps: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    facts: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    failed: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=32), default=list)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When there is something to compute.")
    online_at = models.DateTimeField(null=True, blank=True, help_text="When there is something to fetch.")
    revision = models.PositiveIntegerField(default=0, editable=False)
    deaths = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How often it was begun and never finished."
    )
    online_deaths = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = EnrichmentQuerySet.as_manager()

    class Meta:
        ordering = ("-profile_id",)
        verbose_name_plural = "enrichment"
        indexes = [
            # enrichment.taking: what is due, the longest first
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="enrichment_due"),
            models.Index(
                fields=["online_at"], condition=Q(online_at__isnull=False), name="enrichment_online_due"
            ),
            # admin and API: failed steps, newest profiles first, and those of one step
            models.Index(fields=["-profile"], condition=~Q(failed=[]), name="enrichment_failed"),
            GinIndex(fields=["failed"], condition=~Q(failed=[]), name="enrichment_failed_steps"),
        ]

    def __str__(self) -> str:
        return f"enrichment of profile {self.profile_id}"


class EnrichmentStep(models.Model):
    """How far a step's present version was handed out: profiles up to ``marked_to`` have been told to run it."""

    name = models.CharField(max_length=32, primary_key=True)
    version = models.PositiveSmallIntegerField()
    marked_to = models.BigIntegerField(default=0)
    complete = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class EnrichmentRunner(models.Model):
    """Who computes (``offline``) or fetches (``online``): one at a time in the whole installation, by a lease."""

    kind = models.CharField(max_length=8, primary_key=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kind


class Avatar(models.Model):
    """Somebody's picture, re-encoded by us to 400 x 400; kept in the database like other pictures, so that every machine has it
    and it goes with its person.
    """

    profile = models.OneToOneField(Profile, models.CASCADE, primary_key=True, related_name="avatar")
    content = models.BinaryField(editable=False)
    mime = models.CharField(max_length=32)
    size = models.PositiveIntegerField(help_text="Bytes.")
    fetched_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"picture of profile {self.profile_id}"
