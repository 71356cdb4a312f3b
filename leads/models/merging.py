"""The same human being twice: found, judged, merged, taken apart again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from leads.enums import DuplicateStatus, MatchKind
from leads.models.people import Person


class MatchKey(models.Model):
    """Something two people would share if they were one: kept for everybody by :mod:`leads.duplicates`."""

    person = models.ForeignKey(
        Person, models.CASCADE, related_name="match_keys", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=8, choices=MatchKind)
    value = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind", "value"], name="match_key_is_once_for_a_person"
            ),
        ]
        indexes = [models.Index(fields=["kind", "value"], name="match_key_value")]  # who shares a key

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"


class MatchPending(models.Model):
    """Somebody whose keys are to be worked out anew."""

    person_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"person {self.person_id}"


class Duplicate(models.Model):
    """Two people who may be one, ``first`` the older; ``evidence`` names what they share, by kind."""

    first = models.ForeignKey(Person, models.CASCADE, related_name="duplicates_as_first")
    second = models.ForeignKey(Person, models.CASCADE, related_name="duplicates_as_second")
    score = models.PositiveSmallIntegerField(help_text="0-100: how sure the rules are.")
    evidence: models.JSONField[dict[str, list[str]], dict[str, list[str]]] = models.JSONField(default=dict)
    status = models.CharField(max_length=9, choices=DuplicateStatus, default=DuplicateStatus.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_is_found_once"),
            models.CheckConstraint(
                condition=Q(first_id__lt=F("second_id")), name="duplicate_names_the_older_first"
            ),
        ]
        indexes = [
            # the queue of those to judge, surest first
            models.Index(
                fields=["-score", "-id"], condition=Q(status=DuplicateStatus.OPEN), name="duplicate_queue"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


class Merge(models.Model):
    """Two people made one. ``changes`` is everything it changed, enough to take it back.

    ``values`` tells for each field which side its value came from. ``no_since`` is set when whoever was merged says
    no afterwards, which no undoing takes back.
    """

    kept = models.ForeignKey(
        Person, models.SET_NULL, null=True, blank=True, related_name="merges", db_constraint=False
    )
    gone_id = models.BigIntegerField(help_text="The person who was merged into the other.")
    gone_name = models.CharField(max_length=255)
    values: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    moved: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        default=dict, help_text="Rows that moved, by what they are."
    )
    changes: models.JSONField[list[Any], list[Any]] = models.JSONField(default=list, editable=False)
    no_since = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="merges"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="undone_merges"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["gone_id"], name="merge_gone"),  # where an old address of a person leads
        ]

    def __str__(self) -> str:
        return f"{self.gone_name} into {self.kept or 'somebody deleted'}"
