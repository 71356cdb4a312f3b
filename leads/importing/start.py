"""Imports begun, changed and called off by people. Nobody is created here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from leads.consent import Actor
from leads.enums import OPEN_STATUSES, ImportStatus
from leads.importing.errors import ImportFileError
from leads.importing.formats import header_of, sniff
from leads.importing.keep import keep, kept
from leads.importing.mapping import IGNORED, choose, known_fields
from leads.models import Import, ImportMapping, ImportPart, ImportRow
from outreach.lib import events


def start_import(
    *,
    name: str,
    content: bytes | Iterable[bytes],
    by: Actor,
    dry_run: bool = True,
    mapping: Mapping[str, str] | None = None,
) -> Import:
    """Keep a file (CSV, XLSX or vCard, told by its content) to be run by :func:`run_import`.

    ``content`` may come in slices. ``mapping`` gives columns their field by header (empty: ignore). What it
    leaves out means what it meant in the last file with the same columns, else what we guess; the whole of it
    is in ``Import.mapping`` afterwards. Raises :class:`ImportFileError` when the file cannot be used.
    """
    slices = iter([content] if isinstance(content, bytes) else content)
    start = next(slices, b"")
    while len(start) < 200 and (more := next(slices, b"")):
        start += more
    with transaction.atomic():
        run = Import.objects.create(
            name=name[:255],
            format=sniff(start),
            dry_run=dry_run,
            created_by=by if isinstance(by, User) else None,
        )
        keep(run, chain([start], slices))
        header = header_of(kept(run.pk), run.format)
        run.mapping = choose(header, {**_remembered(header), **(mapping or {})})
        run.save(update_fields=["mapping"])
        if mapping:
            _remember(run.mapping, header)
        events.emit("import.created", model="leads.import", ids=[run.pk], by=by)
    return run


def commit_dry_run(import_id: int, *, by: Actor) -> Import:
    """A real import of the file of a finished dry run, which gives its file away; call :func:`run_import` on
    it next.

    The meaning of its columns is remembered for the next file with the same ones. Raises
    :class:`ImportFileError` when the file is gone or the dry run has not finished.
    """
    with transaction.atomic():
        tried = Import.objects.select_for_update().get(pk=import_id)
        parts = ImportPart.objects.filter(import_run=tried)
        if not tried.dry_run or tried.status != ImportStatus.COMPLETED or not parts.exists():
            raise ImportFileError(
                "Only a finished dry run whose file is still kept can be imported. Upload it again."
            )
        author = by if isinstance(by, User) else None
        run = Import.objects.create(
            name=tried.name, format=tried.format, dry_run=False, mapping=tried.mapping, created_by=author
        )
        _remember(tried.mapping, header_of(kept(tried.pk), tried.format))
        parts.update(import_run=run)
        events.emit("import.created", model="leads.import", ids=[run.pk], by=by)
    return run


@transaction.atomic
def remap(import_id: int, mapping: Mapping[str, str], *, by: Actor) -> Import:
    """Give the columns of a dry run other meanings and have it tried again from the start; it is remembered.

    Raises :class:`ImportFileError` when it is no dry run, is under way, or its file is gone.
    """
    run = Import.objects.select_for_update().get(pk=import_id)
    if not run.dry_run or not ImportPart.objects.filter(import_run=run).exists():
        raise ImportFileError("Only a dry run whose file is still kept can be read in another way.")
    if run.status in OPEN_STATUSES and run.leased_until is not None:
        raise ImportFileError("This dry run is under way. Cancel it or wait until it is done.")
    header = header_of(kept(run.pk), run.format)
    meaning = choose(header, mapping)
    ImportRow.objects.filter(import_run=run).delete()
    Import.objects.filter(pk=run.pk).update(
        mapping=meaning, status=ImportStatus.PENDING, progress=0, error="", finished_at=None, leased_until=None,
        rows=0, created=0, updated=0, skipped=0, failed=0,
    )  # fmt: skip
    _remember(meaning, header)
    events.emit("import.changed", model="leads.import", ids=[run.pk], by=by, fields=["mapping"])
    return Import.objects.get(pk=run.pk)


@transaction.atomic
def cancel_import(import_id: int, *, by: Actor) -> bool:
    """Stop an import after the batch that is under way; whether it was still open. What it took in stays.

    Effects: its file is deleted unless it is a dry run's, and ``import.cancelled`` is emitted.
    """
    open_ones = Import.objects.filter(pk=import_id, status__in=OPEN_STATUSES)
    cancelled = open_ones.update(status=ImportStatus.CANCELLED, finished_at=Now(), leased_until=None)
    if cancelled:
        ImportPart.objects.filter(import_run_id=import_id, import_run__dry_run=False).delete()
        events.emit("import.cancelled", model="leads.import", ids=[import_id], by=by)
    return bool(cancelled)


def _remembered(header: list[str]) -> dict[str, str]:
    """What these columns meant the last time somebody said so."""
    last = ImportMapping.objects.filter(columns_hash=_hash(header)).values_list("mapping", flat=True).first()
    known = {*known_fields(), IGNORED}
    return {name: field for name, field in (last or {}).items() if name in header and field in known}


def _remember(mapping: Mapping[str, str], header: list[str]) -> None:
    values = {"columns": header, "mapping": dict(mapping)}
    ImportMapping.objects.update_or_create(columns_hash=_hash(header), defaults=values)


def _hash(header: list[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(header)).encode()).hexdigest()
