"""Export people as CSV."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from leads.exporting import export_people
from leads.queries import search_people


class Command(BaseCommand):
    help = "Export people as CSV, with every cell that a spreadsheet could take for a formula made safe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to; the terminal if left out")
        parser.add_argument(
            "--search", default="", help="only people whose name, company or handle contains this"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["file"]
        lines = export_people(search_people(options["search"]))
        if path is None:
            sys.stdout.writelines(lines)
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        self.stdout.write(f"Written to {path}.")
