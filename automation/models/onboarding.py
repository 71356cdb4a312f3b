"""Many accounts at once: one run a file or request, one row an account."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Account
from automation.enums import OnboardingState, RowState
from outreach.lib.fields import EncryptedJSONField


class OnboardingRun(models.Model):
    """A list of accounts being connected, a few at a time. What became of each is on its row."""

    name = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=OnboardingState, default=OnboardingState.RUNNING)
    at_once = models.PositiveSmallIntegerField(default=3, help_text="Rows verified at the same time.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "onboarding"
        verbose_name_plural = "onboardings"
        indexes = [
            # onboarding.progress.push_on: runs that are not over
            models.Index(
                fields=["id"], condition=Q(state=OnboardingState.RUNNING), name="onboarding_run_running"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OnboardingRow(models.Model):
    """One account of a run. The secret is kept only until the account has it, or the row has failed."""

    run = models.ForeignKey(OnboardingRun, models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(help_text="The line of the file, the header being 1.")
    network = models.CharField(max_length=32, blank=True)
    handle = models.CharField(max_length=255, blank=True)
    server = models.CharField(max_length=255, blank=True)
    fields: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, help_text="Role, niche and time zone, where given."
    )
    secret = EncryptedJSONField(null=True, editable=False)
    state = models.CharField(max_length=10, choices=RowState, default=RowState.QUEUED)
    message = models.CharField(max_length=500, blank=True)
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="onboarding_rows"
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="onboarding_row_is_unique_by_number"),
            models.CheckConstraint(
                condition=Q(state=RowState.QUEUED) | Q(secret__isnull=True),
                name="onboarding_row_keeps_no_secret_once_it_began",
            ),
        ]
        indexes = [
            # onboarding.progress: the next rows of a run, and how many are being verified
            models.Index(fields=["run", "state", "number"], name="onboarding_row_state"),
        ]

    def __str__(self) -> str:
        return f"{self.handle} ({self.network})"
