"""Deletes what retention no longer keeps; the schedule ``purge`` does the same every hour."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outreach.lib import retention


class Command(BaseCommand):
    help = "Delete what is older than kept: finished tasks, counters, import files, audit, errors, alerts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count what would be deleted.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        report = retention.overdue() if options["dry_run"] else retention.run()
        if options["json"]:
            said = {"dry_run": options["dry_run"], "total": report.total, "rows": report.rows}
            self.stdout.write(json.dumps(said))
            return
        for name, count in report.rows.items():
            self.stdout.write(f"{count:>12,}  {name}")
        self.stdout.write(f"{report.total:>12,}  {'would be deleted' if options['dry_run'] else 'deleted'}")
