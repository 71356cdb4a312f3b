"""Export people to a file: CSV, XLSX or JSON."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leads import exporting
from leads.enums import ExportFormat
from leads.models import Person, PersonList, Segment


class Command(BaseCommand):
    help = "Export people, with every cell that a spreadsheet could take for a formula made safe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to; the terminal if left out")
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.CSV)
        parser.add_argument(
            "--search", default="", help="only people whose name, company or handle contains this"
        )
        parser.add_argument("--segment", help="only people in the segment of this name")
        parser.add_argument("--list", help="only people on the list of this name")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["file"]
        export = exporting.start_export(
            format=options["format"],
            choice={"q": options["search"]} if options["search"] else {},
            segment=_named(Segment, options["segment"]),
            list=_named(PersonList, options["list"]),
            by="export_people",
        )
        export = exporting.run_export(export.pk)
        if export.error:
            raise CommandError(export.error)
        if path is None:
            for piece in exporting.file_of(export):
                sys.stdout.buffer.write(piece) if hasattr(sys.stdout, "buffer") else sys.stdout.write(
                    piece.decode()
                )
            return
        with path.open("wb") as file:
            file.writelines(exporting.file_of(export))
        self.stdout.write(f"{export.rows:,} of {Person.objects.count():,} people written to {path}.")


def _named(model: Any, name: str | None) -> Any:
    if name is None:
        return None
    found = model.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f'There is no {model._meta.verbose_name} "{name}".')
    return found
