"""An export from its start to its file. It may be killed and called again at any point: it then begins anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now

from leads.consent import Actor
from leads.enums import OPEN_STATUSES, ExportFormat, ImportStatus, Lifecycle, Stage
from leads.exporting.formats import WRITERS
from leads.exporting.rows import People
from leads.exporting.sheets import TooManyRows
from leads.models import Export, ExportPart, ListMember, Person, PersonList, Segment, SegmentMember
from leads.queries import search_people
from outreach.lib import events
from outreach.lib.actors import as_user

LEASE = timedelta(seconds=60)
PART_BYTES = 1_000_000
MAX_IDS = 10_000
CHOICES = ("q", "lifecycle", "stage", "ids")


class Cancelled(Exception):
    """Somebody called it off meanwhile."""


def start_export(
    *,
    format: str = ExportFormat.CSV,
    choice: Mapping[str, Any] | None = None,
    segment: Segment | None = None,
    list: PersonList | None = None,
    by: Actor,
) -> Export:
    """Ask for a file of people, to be written by :func:`run_export`: everybody, or those whom all conditions fit.

    ``choice`` may have ``q`` (as in search), ``lifecycle``, ``stage`` and ``ids`` (at most 10,000). Effects:
    ``export.created``. Raises :class:`ValueError` for a condition that means nothing.
    """
    if format not in ExportFormat.values:
        raise ValueError(f'"{format}" is not a format. Known: {", ".join(ExportFormat.values)}.')
    chosen = _checked(dict(choice or {}))
    with transaction.atomic():
        export = Export.objects.create(
            format=format, choice=chosen, segment=segment, list=list, created_by=as_user(by)
        )
        events.emit("export.created", model="leads.export", ids=[export.pk], by=by, format=str(format))
    return export


def run_export(export_id: int) -> Export:
    """Write the file, part by part, with its progress. Left as it is when it is done, called off, or somebody is at it.

    Effects: ``ExportPart`` rows, ``export.finished``; what an earlier runner left unfinished is thrown away.
    """
    if not _lease(export_id):
        return Export.objects.get(pk=export_id)
    export = Export.objects.select_related("segment", "list").get(pk=export_id)
    ExportPart.objects.filter(export=export).delete()
    try:
        rows, size = _write(export)
    except Cancelled:
        ExportPart.objects.filter(export=export).delete()
        return Export.objects.get(pk=export_id)
    except TooManyRows as error:
        return _finish(export_id, ImportStatus.FAILED, error=str(error))
    return _finish(export_id, ImportStatus.COMPLETED, rows=rows, size=size, progress=1.0)


@transaction.atomic
def cancel_export(export_id: int, *, by: Actor) -> bool:
    """Call an export off; whether it was still open. Effects: ``export.cancelled``; its file goes."""
    open_ones = Export.objects.filter(pk=export_id, status__in=OPEN_STATUSES)
    cancelled = open_ones.update(status=ImportStatus.CANCELLED, finished_at=Now(), leased_until=None)
    if cancelled:
        events.emit("export.cancelled", model="leads.export", ids=[export_id], by=by)
    return bool(cancelled)


def file_of(export: Export) -> Iterator[bytes]:
    """The finished file, one part in memory at a time."""
    position = 0
    parts = ExportPart.objects.filter(export=export).values_list("content", flat=True)
    while (part := parts.filter(position=position).first()) is not None:
        yield bytes(part)
        position += 1


def forget_files(before: datetime, batch: int = 1_000) -> int:
    """Delete exports made before then with their files; how many."""
    ids = list(
        Export.objects.filter(created_at__lt=before).order_by("pk").values_list("pk", flat=True)[:batch]
    )
    ExportPart.objects.filter(export_id__in=ids)._raw_delete("default")  # never read back into memory
    Export.objects.filter(pk__in=ids).delete()
    return len(ids)


def chosen_people(export: Export) -> QuerySet[Person]:
    """Whom an export is about."""
    people: QuerySet[Person] = Person.objects.all()
    choice = dict(export.choice)
    if words := choice.pop("q", ""):
        people = search_people(words, people)
    if (ids := choice.pop("ids", None)) is not None:
        people = people.filter(pk__in=ids)
    if export.segment_id:
        people = people.filter(
            pk__in=SegmentMember.objects.filter(segment=export.segment_id).order_by().values("person_id")
        )
    if export.list_id:
        people = people.filter(
            pk__in=ListMember.objects.filter(list=export.list_id).order_by().values("person_id")
        )
    return people.filter(**choice)


def _checked(choice: dict[str, Any]) -> dict[str, Any]:
    if strangers := set(choice) - set(CHOICES):
        raise ValueError(
            f"There is no condition {', '.join(sorted(strangers))}. Known: {', '.join(CHOICES)}."
        )
    for name, known in (("lifecycle", Lifecycle.values), ("stage", Stage.values)):
        if name in choice and choice[name] not in known:
            raise ValueError(f'"{choice[name]}" is not a {name}. Known: {", ".join(known)}.')
    if len(choice.get("ids", ())) > MAX_IDS:
        raise ValueError(
            f"At most {MAX_IDS:,} people can be named one by one. Make a segment or a list of them."
        )
    return choice


def _lease(export_id: int) -> bool:
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    mine = Export.objects.filter(free, pk=export_id, status__in=OPEN_STATUSES)
    return bool(
        mine.update(
            status=ImportStatus.RUNNING, leased_until=Now() + LEASE, rows=0, size=0, progress=0, error=""
        )
    )


def _write(export: Export) -> tuple[int, int]:
    """Rows and bytes written."""
    people = chosen_people(export)
    top = Person.objects.aggregate(top=Max("pk"))["top"] or 1
    seen = {"rows": 0}

    def told(rows: int, last: int) -> None:
        seen["rows"] = rows
        mine = Export.objects.filter(pk=export.pk, status=ImportStatus.RUNNING)
        if not mine.update(rows=rows, progress=min(0.99, last / top), leased_until=Now() + LEASE):
            raise Cancelled

    waiting, position, size = bytearray(), 0, 0
    for piece in WRITERS[ExportFormat(export.format)](People(people), told):
        waiting += piece
        size += len(piece)
        if len(waiting) >= PART_BYTES:
            ExportPart.objects.create(export=export, position=position, content=bytes(waiting))
            position += 1
            waiting.clear()
    if waiting:
        ExportPart.objects.create(export=export, position=position, content=bytes(waiting))
    return seen["rows"], size


def _finish(export_id: int, status: ImportStatus, **told: Any) -> Export:
    with transaction.atomic():
        running = Export.objects.filter(pk=export_id, status=ImportStatus.RUNNING)
        if running.update(status=status, finished_at=Now(), leased_until=None, **told):
            export = Export.objects.get(pk=export_id)
            events.emit(
                "export.finished",
                model="leads.export",
                ids=[export_id],
                by=export.created_by,
                status=str(status),
            )
    return Export.objects.get(pk=export_id)
