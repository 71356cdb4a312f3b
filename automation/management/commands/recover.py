"""Puts right what nobody looks after any more; the schedules ``recover`` and ``recover_lanes`` do the same."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from automation import recovery


class Command(BaseCommand):
    help = "Wake forgotten lanes, have dead attempts looked at, finish stuck publications and enrolments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count what would be put right.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = recovery.recover(dry_run=options["dry_run"])
        total = sum(found.values())
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "total": total, "found": found}))
            return
        for name, count in found.items():
            self.stdout.write(f"{count:>8,}  {name}")
        self.stdout.write(f"{total:>8,}  {'would be put right' if options['dry_run'] else 'put right'}")
