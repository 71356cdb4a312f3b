"""An import from its start to its report. It may be killed and called again at any point: each row is taken
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now

from leads.consent import Actor
from leads.enums import ImportStatus, RowOutcome
from leads.importing.apply import Batch
from leads.importing.mapping import choose
from leads.importing.read import ImportFileError, Slices, Table
from leads.importing.rows import Entry, understand
from leads.models import Import, ImportPart, ImportRow
from outreach.lib import events

BATCH = 500  # rows in one transaction
PART_BYTES = 1_000_000
MAX_BYTES = 512_000_000
TRIES = 3  # of one batch, when somebody else adds the same people or waits for us meanwhile


def start_import(
    *,
    name: str,
    content: bytes | Iterable[bytes],
    by: Actor,
    dry_run: bool = True,
    mapping: Mapping[str, str] | None = None,
) -> Import:
    """Keep a CSV file to be run by :func:`run_import`; nobody is created yet.

    ``content`` may come in slices. ``mapping`` gives columns their field by header (empty: ignore), over what
    we guess; the whole of it is in ``Import.mapping`` afterwards. Raises :class:`ImportFileError` when the
    file cannot be used.
    """
    with transaction.atomic():
        run = Import.objects.create(
            name=name[:255], dry_run=dry_run, created_by=by if isinstance(by, User) else None
        )
        _keep(run, [content] if isinstance(content, bytes) else content)
        run.mapping = choose(Table(_slices(run.pk)).header, mapping)
        run.save(update_fields=["mapping"])
        events.emit("import.created", model="leads.import", ids=[run.pk], by=by)
    return run


def commit_dry_run(import_id: int, *, by: Actor) -> Import:
    """A real import of the file of a finished dry run, which gives its file away; call :func:`run_import` on
    it next.

    Raises :class:`ImportFileError` when the file is gone or the dry run has not finished.
    """
    with transaction.atomic():
        tried = Import.objects.select_for_update().get(pk=import_id)
        parts = ImportPart.objects.filter(import_run=tried)
        if not tried.dry_run or tried.status != ImportStatus.COMPLETED or not parts.exists():
            raise ImportFileError(
                "Only a finished dry run whose file is still kept can be imported. Upload it again."
            )
        author = by if isinstance(by, User) else None
        run = Import.objects.create(name=tried.name, dry_run=False, mapping=tried.mapping, created_by=author)
        parts.update(import_run=run)
        events.emit("import.created", model="leads.import", ids=[run.pk], by=by)
    return run


def run_import(import_id: int) -> Import:
    """Take in (or, in a dry run, only judge) every row that has no report yet.

    Effects: people, profiles and tags as the rows say, ``ImportRow`` reports and the import's counts, batch
    by batch, each batch whole or not at all. At the end the file of a real import is deleted, and
    ``import.finished`` is emitted. A finished import is left as it is; a second runner at the same time does
    no harm.
    """
    run = Import.objects.get(pk=import_id)
    waiting = (ImportStatus.PENDING, ImportStatus.RUNNING)
    if not Import.objects.filter(pk=run.pk, status__in=waiting).update(status=ImportStatus.RUNNING):
        return run
    try:
        for entries in _batches(run):
            _apply(run.pk, entries)
    except ImportFileError as error:
        return _finish(run.pk, ImportStatus.FAILED, str(error))
    return _finish(run.pk, ImportStatus.COMPLETED)


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


def _keep(run: Import, slices: Iterable[bytes]) -> None:
    size = 0
    for position, part in enumerate(_equal_parts(slices)):
        size += len(part)
        if size > MAX_BYTES:
            raise ImportFileError(
                f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it and import the pieces."
            )
        ImportPart.objects.create(import_run=run, position=position, content=part)


def _equal_parts(slices: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in slices:
        for start in range(0, len(piece), PART_BYTES):
            waiting += piece[start : start + PART_BYTES]
            while len(waiting) >= PART_BYTES:
                yield bytes(waiting[:PART_BYTES])
                del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


def _slices(import_id: int) -> Slices:
    """The file of an import, one part in memory at a time."""

    def read() -> Iterator[bytes]:
        position = 0
        parts = ImportPart.objects.filter(import_run_id=import_id).values_list("content", flat=True)
        while (part := parts.filter(position=position).first()) is not None:
            yield bytes(part)
            position += 1

    return read


def _batches(run: Import) -> Iterator[list[Entry]]:
    table = Table(_slices(run.pk))
    reported = (
        ImportRow.objects.filter(import_run=run).order_by("-number").values_list("number", flat=True).first()
    )
    rows = table.rows(after=reported or 0)
    while batch := list(islice(rows, BATCH)):
        yield [understand(row, table.header, run.mapping) for row in batch]


def _apply(import_id: int, entries: list[Entry]) -> None:
    for remaining in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _apply_once(import_id, entries)
            return
        except (IntegrityError, OperationalError):
            if not remaining:
                raise


def _apply_once(import_id: int, entries: list[Entry]) -> None:
    run = Import.objects.select_for_update().get(pk=import_id)
    numbers = [entry.number for entry in entries]
    done = set(ImportRow.objects.filter(import_run=run, number__in=numbers).values_list("number", flat=True))
    reports = Batch(run, [entry for entry in entries if entry.number not in done]).apply()
    ImportRow.objects.bulk_create(reports)
    outcomes = [report.outcome for report in reports]
    counts = {str(outcome): F(str(outcome)) + outcomes.count(outcome) for outcome in RowOutcome}
    Import.objects.filter(pk=import_id).update(rows=F("rows") + len(reports), **counts)


def _finish(import_id: int, status: ImportStatus, error: str = "") -> Import:
    with transaction.atomic():
        running = Import.objects.filter(pk=import_id, status=ImportStatus.RUNNING)
        changed = running.update(status=status, error=error[:500], finished_at=Now())
        run = Import.objects.get(pk=import_id)
        if changed:
            if not run.dry_run:
                ImportPart.objects.filter(import_run=run).delete()
            events.emit(
                "import.finished", model="leads.import", ids=[run.pk], by=run.created_by, status=str(status)
            )
    return run
