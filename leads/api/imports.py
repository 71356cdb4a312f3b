"""Files of people: uploaded, tried, taken in, with a report on every row."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import File, Form, Query, Router
from ninja.files import UploadedFile

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import importing
from leads.api.schemas import ImportOut, ImportQuery, RowOut, RowQuery
from leads.api.schemas_groups import MappingIn
from leads.models import Import, ImportRow
from outreach.lib import queue
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Imports"])
READ = needs("imports:read", "leads.view_import")
WRITE = needs("imports:write", "leads.add_import")
JOB = "leads.jobs.run_import"
LONGEST_MAPPING = 20_000  # characters


@router.get("/imports", response=Page[ImportOut], summary="List imports", **READ)
def list_imports(request: HttpRequest, query: Query[ImportQuery]) -> Any:
    return page(Import.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/imports", response={202: ImportOut}, summary="Upload a file of people: CSV, XLSX or vCard", **WRITE
)
@idempotent(202)
def create_import(
    request: HttpRequest, file: File[UploadedFile], dry_run: Form[bool] = True, mapping: Form[str] = "{}"
) -> ImportOut:
    """It runs in the background: follow its status, then read its rows. A dry run, the default, creates nobody.

    `mapping` is a JSON object from column to field, e.g. `{"Mail": "email"}`; what it leaves out is guessed.
    """
    with refusals(), transaction.atomic():
        run = importing.start_import(
            name=file.name or "upload.csv",
            content=file.chunks(),
            dry_run=dry_run,
            mapping=_fields(mapping),
            by=caller(request),
        )
        _run_later(run)
    return ImportOut.from_orm(run)


@router.get("/imports/{int:import_id}", response=ImportOut, summary="Show an import", **READ)
def show_import(request: HttpRequest, import_id: int) -> Any:
    return find(Import.objects.all(), import_id)


@router.get(
    "/imports/{int:import_id}/rows", response=Page[RowOut], summary="List what became of each row", **READ
)
def list_rows(request: HttpRequest, import_id: int, query: Query[RowQuery]) -> Any:
    """Last row first."""
    run = find(Import.objects.all(), import_id)
    return page(
        ImportRow.objects.filter(import_run=run, **query.filters()), cursor=query.cursor, limit=query.limit
    )


@router.post(
    "/imports/{int:import_id}/commit",
    response={202: ImportOut},
    summary="Take in what a dry run tried",
    **WRITE,
)
@idempotent(202)
def commit_import(request: HttpRequest, import_id: int) -> ImportOut:
    """Starts a real import of the same file, which is the one to follow from here."""
    find(Import.objects.all(), import_id)
    with refusals(409), transaction.atomic():
        run = importing.commit_dry_run(import_id, by=caller(request))
        _run_later(run)
    return ImportOut.from_orm(run)


@router.put(
    "/imports/{int:import_id}/mapping",
    response={202: ImportOut},
    summary="Try a dry run with another mapping",
    **WRITE,
)
def change_mapping(request: HttpRequest, import_id: int, body: MappingIn) -> Any:
    """Columns left out are guessed. The mapping is remembered for the next file with the same columns."""
    find(Import.objects.all(), import_id)
    with refusals(409), transaction.atomic():
        run = importing.remap(import_id, body.mapping, by=caller(request))
        _run_later(run)
    return 202, run


@router.post("/imports/{int:import_id}/cancel", response=ImportOut, summary="Stop an import", **WRITE)
def cancel_import(request: HttpRequest, import_id: int) -> Any:
    """After the batch that is under way. What was taken in stays; one that has ended is left as it is."""
    find(Import.objects.all(), import_id)
    importing.cancel_import(import_id, by=caller(request))
    return find(Import.objects.all(), import_id)


def _run_later(run: Import) -> None:
    queue.enqueue(JOB, run.pk)


def _fields(mapping: str) -> dict[str, str]:
    try:
        fields = json.loads(mapping) if len(mapping) <= LONGEST_MAPPING else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        message = 'Give a JSON object from column to field, e.g. {"Mail": "email"}.'
        raise ApiError(422, message, fields={"form.mapping": [message]})
    return fields
