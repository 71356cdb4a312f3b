"""Files of people: taken in, and given out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from leads.enums import OPEN_STATUSES, ExportFormat, ImportFormat, ImportStatus, RowOutcome
from leads.models.groups import PersonList, Segment
from leads.models.people import Person


class Import(models.Model):
    """One file of people: what it held and what became of each row."""

    name = models.CharField(max_length=255)
    format = models.CharField(max_length=5, choices=ImportFormat, default=ImportFormat.CSV)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.PENDING)
    dry_run = models.BooleanField(default=True)
    mapping: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict, blank=True)
    rows = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    progress = models.FloatField(default=0, help_text="How much of the file was read, 0 to 1.")
    leased_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until then a worker is at it; later, it died."
    )
    error = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            # leads.recovery: what nobody works at any more
            models.Index(fields=["leased_until"], condition=Q(status__in=OPEN_STATUSES), name="import_open"),
        ]

    def __str__(self) -> str:
        return self.name


class ImportPart(models.Model):
    """A slice of an import's file, so that no process ever holds the whole of it."""

    import_run = models.ForeignKey(Import, models.CASCADE, related_name="parts", db_index=False)
    position = models.PositiveIntegerField(help_text="0 is first.")
    content = models.BinaryField(editable=False)

    class Meta:
        ordering = ("import_run_id", "position")
        constraints = [
            models.UniqueConstraint(fields=["import_run", "position"], name="import_part_has_one_position"),
        ]

    def __str__(self) -> str:
        return f"part {self.position} of import {self.import_run_id}"


class ImportRow(models.Model):
    """The report on one row of a file; ``number`` counts lines as a spreadsheet does, the header being 1."""

    import_run = models.ForeignKey(Import, models.CASCADE, related_name="row_reports", db_index=False)
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=RowOutcome)
    message = models.CharField(max_length=500, blank=True)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True)
    # Short hashes of the row's addresses; a dry run, which creates nobody, knows by them what it has seen.
    address_keys: ArrayField[list[int], list[int]] = ArrayField(
        models.BigIntegerField(), default=list, blank=True, editable=False
    )

    class Meta:
        ordering = ("import_run_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["import_run", "number"], name="import_row_is_reported_once"),
        ]
        indexes = [
            # leads.importing: rows of a dry run with the same address
            GinIndex(fields=["address_keys"], condition=~Q(address_keys=[]), name="import_row_address_keys"),
        ]

    def __str__(self) -> str:
        return f"row {self.number}: {self.outcome}"


class ImportMapping(models.Model):
    """What the columns of a file meant the last time a file had exactly these columns."""

    columns_hash = models.CharField(max_length=64, unique=True)
    columns: ArrayField[list[str], list[str]] = ArrayField(models.TextField())
    mapping: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return ", ".join(self.columns)[:80]


class Export(models.Model):
    """A file of people being written, or written and waiting to be fetched. ``choice`` says whom it holds."""

    format = models.CharField(max_length=4, choices=ExportFormat, default=ExportFormat.CSV)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.PENDING)
    choice: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    segment = models.ForeignKey(Segment, models.CASCADE, null=True, blank=True, related_name="exports")
    list = models.ForeignKey(PersonList, models.CASCADE, null=True, blank=True, related_name="exports")
    rows = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    progress = models.FloatField(default=0, help_text="0 to 1.")
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            # leads.recovery: what nobody works at any more
            models.Index(fields=["leased_until"], condition=Q(status__in=OPEN_STATUSES), name="export_open"),
        ]

    def __str__(self) -> str:
        return f"people-{self.pk}.{self.format}"


class ExportPart(models.Model):
    """A slice of an export's file, so that no process ever holds the whole of it."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts", db_index=False)
    position = models.PositiveIntegerField(help_text="0 is first.")
    content = models.BinaryField(editable=False)

    class Meta:
        ordering = ("export_id", "position")
        constraints = [
            models.UniqueConstraint(fields=["export", "position"], name="export_part_has_one_position"),
        ]

    def __str__(self) -> str:
        return f"part {self.position} of export {self.export_id}"
