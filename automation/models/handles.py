"""Whether the team's own name is still to be had."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from automation.enums import HandleState
from automation.models.acting import Task


class HandleCheck(models.Model):
    """A look at how our own brand could be called on each network. Nothing is ever registered."""

    brand = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        verbose_name = "handle check"

    def __str__(self) -> str:
        return self.brand


class HandleResult(models.Model):
    """One handle on one network."""

    check_run = models.ForeignKey(
        HandleCheck, models.CASCADE, related_name="results", db_index=False
    )  # Model.check is Django's own
    network = models.CharField(max_length=32)
    handle = models.CharField(max_length=255)
    state = models.CharField(max_length=8, choices=HandleState, default=HandleState.QUEUED)
    detail = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=500, blank=True)
    task = models.OneToOneField(Task, models.SET_NULL, null=True, blank=True, related_name="handle_result")
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("check_run_id", "network", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["check_run", "network", "handle"], name="handle_result_is_unique_by_check_and_handle"
            ),
            models.CheckConstraint(
                condition=Q(state=HandleState.QUEUED) ^ Q(looked_at__isnull=False),
                name="handle_result_is_queued_or_was_looked_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handle} ({self.network})"
