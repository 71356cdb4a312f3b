"""What monitoring remembers: who is alive, what went wrong, who was told, who changed what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now


class HeartbeatKind(models.TextChoices):
    """What beats. Each kind has its own patience in :mod:`monitoring.heartbeats`."""

    WEB = "web", "Web process"
    CLUSTER = "cluster", "Worker cluster"
    DRAIN = "drain", "Drain"
    DISPATCHER = "dispatcher", "Dispatcher"
    BROWSER = "browser", "Browser server"
    SCHEDULE = "schedule", "Schedule"


class Heartbeat(models.Model):
    """A process or schedule that told us it lives; one row each, overwritten by every beat."""

    name = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=16, choices=HeartbeatKind)
    host = models.CharField(max_length=255, blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(db_default=Now(), help_text="Its first beat.")
    beat_at = models.DateTimeField(db_default=Now())
    detail: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, blank=True, encoder=DjangoJSONEncoder
    )

    class Meta:
        ordering = ("kind", "name")
        indexes = [models.Index(fields=["kind", "-beat_at"], name="heartbeat_kind_beat")]  # health, dashboard

    def __str__(self) -> str:
        return self.name

    def age(self, now: datetime) -> timedelta:
        """How long ago it last beat."""
        return now - self.beat_at


class LogRecord(models.Model):
    """Warnings and errors that say the same, counted together; the newest message and traceback are kept."""

    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    level = models.CharField(max_length=8)
    logger = models.CharField(max_length=128)
    message = models.CharField(max_length=1000)
    traceback = models.TextField(blank=True)
    count = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = "error"
        ordering = ("-last_seen_at", "-id")
        indexes = [
            models.Index(fields=["-last_seen_at", "-id"], name="logrecord_last_seen")
        ]  # its admin list

    def __str__(self) -> str:
        return self.message[:80]


class AlertLevel(models.TextChoices):
    ERROR = "error", "Error"  # something does not work now
    WARNING = "warning", "Warning"  # it works, and somebody should look


class Alert(models.Model):
    """Something that is not well, from when it began to when it was over; :mod:`monitoring.alerts` writes it."""

    key = models.CharField(max_length=128, help_text="What it is about; open at most once at a time.")
    level = models.CharField(max_length=8, choices=AlertLevel)
    subject = models.CharField(max_length=200)
    message = models.TextField(blank=True, help_text="What is known, and what mends it.")
    opened_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    reminded_at = models.DateTimeField(null=True, blank=True, help_text="When it was told again.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True, help_text="When somebody was last told.")

    class Meta:
        ordering = (models.F("resolved_at").desc(nulls_first=True), "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(resolved_at__isnull=True), name="alert_is_open_once_by_key"
            ),
        ]
        indexes = [
            # its admin list, open first; retention
            models.Index(
                models.F("resolved_at").desc(nulls_first=True), models.F("id").desc(), name="alert_open_first"
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Change(models.TextChoices):
    """What is told of an alert."""

    OPENED = "opened", "Opened"
    REMINDED = "reminded", "Still open"
    RESOLVED = "resolved", "Resolved"


class Route(models.TextChoices):
    """How it is told."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class Notice(models.Model):
    """One change of an alert on its way out by one route, tried until it arrived or a day has passed."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="notices")
    change = models.CharField(max_length=8, choices=Change)
    route = models.CharField(max_length=8, choices=Route)
    due_at = models.DateTimeField(null=True, blank=True, db_default=Now(), help_text="Empty: over.")
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "change", "route"], name="notice_is_unique_by_alert_change_and_route"
            ),
        ]
        indexes = [
            # alerts.delivery: what is to be told now
            models.Index(
                fields=["route", "due_at"], condition=models.Q(due_at__isnull=False), name="notice_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_change_display()} by {self.get_route_display()}"


class Event(models.Model):
    """The audit: a change, who caused it and what it touched. Written once, never edited."""

    name = models.CharField(max_length=64)
    model = models.CharField(max_length=64, blank=True)
    ids: ArrayField[list[int], list[int]] = ArrayField(models.BigIntegerField(), default=list, blank=True)
    by = models.CharField(max_length=150)
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, blank=True, encoder=DjangoJSONEncoder
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["name", "-id"], name="event_name"),  # its admin list by name
            models.Index(fields=["at"], name="event_at"),  # retention
            GinIndex(fields=["ids"], name="event_ids"),  # the history of one object
        ]

    def __str__(self) -> str:
        return f"{self.name} by {self.by}"
