"""People together: segments by rules, lists by hand, and the queue of changes that keeps segments true."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from leads.enums import SegmentStatus
from leads.models.people import Person


class Segment(models.Model):
    """Everybody whom ``rules`` fit (:mod:`leads.segments.rules`), kept true as people change.

    ``built_to`` is the last person id the present rules were applied to while ``status`` is building.
    """

    name = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True)
    rules: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    status = models.CharField(max_length=8, choices=SegmentStatus, default=SegmentStatus.BUILDING)
    people_count = models.PositiveIntegerField(default=0, help_text="Kept with every change.")
    built_to = models.BigIntegerField(default=0, editable=False)
    build_top = models.BigIntegerField(default=0, editable=False)
    built_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name

    @property
    def progress(self) -> float:
        """How much of the address book was looked at, 0 to 1."""
        if self.status != SegmentStatus.BUILDING:
            return 1.0
        return min(1.0, self.built_to / self.build_top) if self.build_top else 0.0


class SegmentMember(models.Model):
    """Somebody in a segment. Worked out from rules, so no key to people is checked, which would lock their rows; who is
    deleted is noted by a trigger as any change, and leaves a moment later.
    """

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members", db_index=False)
    person = models.ForeignKey(Person, models.DO_NOTHING, related_name="segment_members", db_constraint=False)
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("segment_id", "-id")
        constraints = [
            models.UniqueConstraint(fields=["segment", "person"], name="person_is_once_in_a_segment"),
        ]
        indexes = [models.Index(fields=["segment", "-id"], name="segment_member_page")]  # API list of members

    def __str__(self) -> str:
        return f"person {self.person_id} in segment {self.segment_id}"


class PersonList(models.Model):
    """People put together by hand."""

    name = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True)
    people_count = models.PositiveIntegerField(default=0, help_text="Kept with every change.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "list"

    def __str__(self) -> str:
        return self.name


class ListMember(models.Model):
    list = models.ForeignKey(PersonList, models.CASCADE, related_name="members", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="list_members")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("list_id", "-id")
        constraints = [
            models.UniqueConstraint(fields=["list", "person"], name="person_is_once_in_a_list"),
        ]
        indexes = [models.Index(fields=["list", "-id"], name="list_member_page")]  # API list of members

    def __str__(self) -> str:
        return f"person {self.person_id} in list {self.list_id}"


class PersonChange(models.Model):
    """Somebody whose row, profiles, tags or lists changed; written by the database's own triggers, whoever changed it."""

    person_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"person {self.person_id} changed"
