"""Says what is wrong with this installation and how to mend it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from monitoring import checks
from monitoring.checks import Level


class Command(BaseCommand):
    help = (
        "List what is not well, each with the command or act that mends it. Exits 1 when something is broken."
    )
    requires_system_checks: list[str] = []  # it must answer exactly when something is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = checks.run()
        errors = sum(finding.level == Level.ERROR for finding in found)
        if options["json"]:
            report = {"ok": not errors, "findings": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(report))
        else:
            self._print(found)
        if errors:
            raise SystemExit(1)

    def _print(self, found: list[checks.Finding]) -> None:
        for finding in found:
            style = self.style.ERROR if finding.level == Level.ERROR else self.style.WARNING
            self.stdout.write(f"{style(finding.level.upper())} {finding.message}")
            self.stdout.write(f"      {finding.mend}")
        if not found:
            self.stdout.write(self.style.SUCCESS("All is well."))
