"""Import people from a file (CSV, XLSX, vCard): a dry run unless told otherwise."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leads.enums import RowOutcome
from leads.importing import ImportFileError, run_import, start_import
from leads.models import Import

SHOWN = 50  # rows that need a look, in the readable report
COUNTS = ("rows", "created", "updated", "skipped", "failed")


class Command(BaseCommand):
    help = "Import people from a CSV, XLSX or vCard file. Without --commit it only reports what would happen to each row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, help="CSV (UTF-8, UTF-16 or Western; comma, semicolon or tab), XLSX or vCard"
        )
        parser.add_argument("--commit", action="store_true", help="import, instead of trying")
        parser.add_argument(
            "--json", action="store_true", help="the report of every row, one JSON object a line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            run = start_import(
                name=path.name, content=_read(path), by="import_people", dry_run=not options["commit"]
            )
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.")
        except ImportFileError as error:
            raise CommandError(str(error))
        run = run_import(run.pk)
        if run.error:
            raise CommandError(run.error)
        (self._report_json if options["json"] else self._report)(run)

    def _report_json(self, run: Import) -> None:
        rows = run.row_reports.order_by("number").values("number", "outcome", "message", "person_id")
        for row in rows.iterator(chunk_size=1_000):
            self.stdout.write(json.dumps(row))
        summary: dict[str, Any] = {name: getattr(run, name) for name in COUNTS}
        self.stdout.write(
            json.dumps({"import": run.pk, "dry_run": run.dry_run, "mapping": run.mapping, **summary})
        )

    def _report(self, run: Import) -> None:
        for name, field in run.mapping.items():
            self.stdout.write(f"column {name!r}: {field or 'ignored'}")
        troubled = run.row_reports.order_by("number").filter(
            outcome__in=[RowOutcome.FAILED, RowOutcome.SKIPPED]
        )
        for row in troubled[:SHOWN]:
            self.stdout.write(f"row {row.number}: {row.outcome}. {row.message}")
        self.stdout.write(", ".join(f"{getattr(run, name)} {name}" for name in COUNTS))
        if run.dry_run:
            self.stdout.write("This was a dry run: nobody was created or changed. Add --commit to import.")


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
