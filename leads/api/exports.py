"""Files of people to fetch: asked for, written in the background, downloaded."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from leads import exporting
from leads.api.schemas_groups import ExportIn, ExportOut, ExportQuery
from leads.enums import ExportFormat, ImportStatus
from leads.models import Export, PersonList, Segment
from outreach.lib import queue
from outreach.lib.errors import ApiError, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Exports"])
READ = needs("exports:read", "leads.view_export")
WRITE = needs("exports:write", "leads.add_export")
JOB = "leads.jobs.run_export"


@router.get("/exports", response=Page[ExportOut], summary="List exports", **READ)
def list_exports(request: HttpRequest, query: Query[ExportQuery]) -> Any:
    return page(Export.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post("/exports", response={202: ExportOut}, summary="Export people", **WRITE)
@idempotent(202)
def create_export(request: HttpRequest, body: ExportIn) -> ExportOut:
    """Everybody, or those whom every condition fits. It runs in the background: follow its status, then download."""
    choice = body.model_dump(exclude_none=True, include={"q", "lifecycle", "stage"})
    if body.person_ids is not None:
        choice["ids"] = body.person_ids
    segment = named(Segment.objects.all(), body.segment_id, "segment_id") if body.segment_id else None
    chosen = named(PersonList.objects.all(), body.list_id, "list_id") if body.list_id else None
    with refusals(), transaction.atomic():
        export = exporting.start_export(
            format=body.format, choice=choice, segment=segment, list=chosen, by=caller(request)
        )
        queue.enqueue(JOB, export.pk)
    return ExportOut.from_orm(export)


@router.get("/exports/{int:export_id}", response=ExportOut, summary="Show an export", **READ)
def show_export(request: HttpRequest, export_id: int) -> Any:
    return find(Export.objects.all(), export_id)


@router.get("/exports/{int:export_id}/file", summary="Download an export", **WRITE)
def download_export(request: HttpRequest, export_id: int) -> StreamingHttpResponse:
    """CSV, XLSX or a JSON array. Files are deleted a week after they were asked for."""
    return download(find(Export.objects.all(), export_id))


@router.post("/exports/{int:export_id}/cancel", response=ExportOut, summary="Call an export off", **WRITE)
def cancel_export(request: HttpRequest, export_id: int) -> Any:
    find(Export.objects.all(), export_id)
    exporting.cancel_export(export_id, by=caller(request))
    return find(Export.objects.all(), export_id)


def download(export: Export) -> StreamingHttpResponse:
    """The file of a finished export as a response; 409 while there is none."""
    if export.status != ImportStatus.COMPLETED:
        raise ApiError(
            409, f"This export is {export.get_status_display().lower()}: there is no file to fetch."
        )
    content_type = exporting.CONTENT_TYPES[ExportFormat(export.format)]
    response = StreamingHttpResponse(exporting.file_of(export), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{export}"'
    response["Content-Length"] = str(export.size)
    response["X-Content-Type-Options"] = "nosniff"
    return response
