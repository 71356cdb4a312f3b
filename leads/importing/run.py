"""An import from its start to its report. It may be killed and called again at any point: each row is taken
once.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from leads.enums import OPEN_STATUSES, ImportFormat, ImportStatus, RowOutcome
from leads.importing.ahead import ahead
from leads.importing.apply import Batch
from leads.importing.errors import ImportFileError
from leads.importing.formats import as_csv
from leads.importing.keep import in_parts, kept, size_of
from leads.importing.read import Slices, Table
from leads.importing.rows import Entry, Reader
from leads.models import Import, ImportPart, ImportRow
from outreach.lib import events, stopping
from outreach.lib.copying import insert_rows

BATCH = 2_000  # rows in one transaction
LEASE = timedelta(seconds=60)  # a batch takes half a second; unpacking a spreadsheet may take most of this
TRIES = 3  # of one batch, when somebody else adds the same people or waits for us meanwhile


def run_import(import_id: int, *, seconds: float | None = None) -> Import:
    """Take in (or, in a dry run, only judge) every row that has no report yet, for ``seconds`` at most.

    Effects: people, profiles and tags as the rows say, ``ImportRow`` reports and the import's counts, batch
    by batch, each batch whole or not at all. At the end the file of a real import is deleted, and
    ``import.finished`` is emitted. A finished or cancelled import is left as it is, and so is one that
    somebody else is at. Whether more is to be done, its status tells.
    """
    if not _lease(import_id):
        return Import.objects.get(pk=import_id)
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        run = _unpacked(import_id)
        with closing(_batches(run)) as batches:
            for entries, progress in batches:
                if not _apply(run.pk, entries, progress):
                    return Import.objects.get(pk=import_id)
                if stopping.requested() or (ends is not None and time.monotonic() > ends):
                    Import.objects.filter(pk=import_id).update(leased_until=None)
                    return Import.objects.get(pk=import_id)
    except ImportFileError as error:
        return _finish(import_id, ImportStatus.FAILED, error=str(error)[:500])
    return _finish(import_id, ImportStatus.COMPLETED, progress=1.0)


def forget_files(before: datetime) -> int:
    """Delete the files of imports made before then, dry runs nobody followed up; how many imports lost
    theirs.
    """
    old = (
        Import.objects.filter(created_at__lt=before, parts__isnull=False)
        .distinct()
        .values_list("pk", flat=True)
    )
    ids = list(old)
    ImportPart.objects.filter(import_run_id__in=ids).delete()
    return len(ids)


def _lease(import_id: int) -> bool:
    """Whether it is ours now: nobody else is at it, and there is something to do."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    mine = Import.objects.filter(free, pk=import_id, status__in=OPEN_STATUSES)
    return bool(mine.update(status=ImportStatus.RUNNING, leased_until=Now() + LEASE))


@transaction.atomic
def _unpacked(import_id: int) -> Import:
    """The import, its file as CSV: a spreadsheet or cards are turned into that once, whole or not at all."""
    run = Import.objects.select_for_update().get(pk=import_id)
    if run.format != ImportFormat.CSV:
        _turn_into_csv(run)
    return run


def _turn_into_csv(run: Import) -> None:
    parts = ImportPart.objects.filter(import_run=run)
    old = list(parts.values_list("pk", flat=True))

    def original() -> Iterator[bytes]:
        yield from islice(kept(run.pk)(), len(old))

    # The new parts are written behind the old ones, which are still being read, and then take their places.
    for position, part in enumerate(in_parts(as_csv(original, run.format)), start=len(old)):
        ImportPart.objects.create(import_run=run, position=position, content=part)
    parts.filter(pk__in=old).delete()
    for key, position in parts.order_by("position").values_list("pk", "position"):
        parts.filter(pk=key).update(position=position - len(old))
    run.format = ImportFormat.CSV
    run.save(update_fields=["format"])


def _batches(run: Import) -> Generator[tuple[list[Entry], float], None, None]:
    """Rows that have no report yet, and how much of the file has been read with them."""
    table = Table(kept(run.pk))
    size = size_of(run.pk) or 1
    reported = (
        ImportRow.objects.filter(import_run=run).order_by("-number").values_list("number", flat=True).first()
    )
    reader = Reader(table.header, run.mapping)

    def understood(slices: Slices) -> Iterator[tuple[list[Entry], float]]:
        rows = table.rows(after=reported or 0, slices=slices)
        while batch := list(islice(rows, BATCH)):
            yield [reader.entry(row) for row in batch], min(1.0, table.bytes_read / size)

    return ahead(kept(run.pk), understood)


def _apply(import_id: int, entries: list[Entry], progress: float) -> bool:
    for remaining in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return _apply_once(import_id, entries, progress)
        except (IntegrityError, OperationalError):
            if not remaining:
                raise
    raise AssertionError("unreachable")


def _apply_once(import_id: int, entries: list[Entry], progress: float) -> bool:
    """Whether the import goes on: false when it was cancelled meanwhile."""
    run = Import.objects.select_for_update().get(pk=import_id)
    if run.status != ImportStatus.RUNNING:
        return False
    numbers = (entries[0].number, entries[-1].number)
    reported = ImportRow.objects.filter(import_run=run, number__range=numbers)
    done = set(reported.values_list("number", flat=True))
    reports = Batch(run, [entry for entry in entries if entry.number not in done]).apply()
    columns = ("import_run_id", "number", "outcome", "message", "person_id", "address_keys")
    insert_rows(ImportRow, columns, ((run.pk, *report) for report in reports))
    outcomes = [report.outcome for report in reports]
    counts: dict[str, Any] = {
        str(outcome): F(str(outcome)) + outcomes.count(outcome) for outcome in RowOutcome
    }
    Import.objects.filter(pk=import_id).update(
        rows=F("rows") + len(reports), progress=progress, leased_until=Now() + LEASE, **counts
    )
    return True


def _finish(import_id: int, status: ImportStatus, **told: Any) -> Import:
    with transaction.atomic():
        running = Import.objects.filter(pk=import_id, status=ImportStatus.RUNNING)
        changed = running.update(status=status, finished_at=Now(), leased_until=None, **told)
        run = Import.objects.get(pk=import_id)
        if changed:
            if not run.dry_run:
                ImportPart.objects.filter(import_run=run).delete()
            events.emit(
                "import.finished", model="leads.import", ids=[run.pk], by=run.created_by, status=str(status)
            )
    return run
