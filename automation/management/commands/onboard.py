"""Connect the accounts of a CSV file; the workers verify them, this command starts and follows them."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from automation.enums import OnboardingState, RowState
from automation.models import OnboardingRun
from automation.onboarding import reading, reporting, services
from leads.importing import ImportFileError

PAUSE = 0.5  # seconds between two looks
TOLD_EVERY = 5.0
SILENCE = 60.0  # seconds without anything happening, after which people are told what it may be


class Command(BaseCommand):
    help = (
        "Connect the accounts of a CSV file (network, handle, server, role, niche, time_zone, proxy, and what each network "
        "needs to sign in). Running workers verify them, a few at a time. Exit code 1 when a row failed. Ctrl-C stops following; "
        "the onboarding goes on, and --follow takes it up again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("file", nargs="?", type=Path, help="CSV with a header row")
        what.add_argument(
            "--follow", type=int, metavar="ID", help="follow an onboarding that was started before"
        )
        parser.add_argument(
            "--at-once", type=int, default=services.AT_ONCE, help="accounts verified at the same time"
        )
        parser.add_argument("--no-wait", action="store_true", help="start it and do not follow")
        parser.add_argument(
            "--json", action="store_true", help="every row, then the counts, one JSON object a line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = self._followed(options["follow"]) if options["follow"] else self._started(options)
        if not options["no_wait"]:
            self._follow(run)
        (self._report_json if options["json"] else self._report)(run)
        if run.rows.filter(state=RowState.FAILED).exists():
            sys.exit(1)

    def _started(self, options: dict[str, Any]) -> OnboardingRun:
        path: Path = options["file"]
        try:
            entries = reading.read_csv(path.read_bytes())
            run = services.start(name=path.name, entries=entries, by="onboard", at_once=options["at_once"])
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.")
        except (ImportFileError, ValueError) as error:
            raise CommandError(str(error))
        self.stderr.write(f"Onboarding {run.pk} of {len(entries)} accounts has begun.")
        return run

    def _followed(self, pk: int) -> OnboardingRun:
        run = OnboardingRun.objects.filter(pk=pk).first()
        if run is None:
            raise CommandError(f"There is no onboarding {pk}.")
        return run

    def _follow(self, run: OnboardingRun) -> None:
        """Wait until the run is over or somebody stopped it; progress goes to stderr."""
        last, changed, told = reporting.standing(run), time.monotonic(), 0.0
        while True:
            run.refresh_from_db()
            now, standing = time.monotonic(), reporting.standing(run)
            if standing != last:
                last, changed = standing, now
            if run.state != OnboardingState.RUNNING:
                return
            if now - told > TOLD_EVERY:
                told = now
                self.stderr.write(
                    f"{standing.percent} %: {standing.connected} connected, {standing.failed} failed"
                )
            if now - changed > SILENCE:
                changed = now
                self.stderr.write(
                    "Nothing has happened for a minute. Are the workers running (manage.py up)?"
                )
            time.sleep(PAUSE)

    def _report_json(self, run: OnboardingRun) -> None:
        shown = ("number", "network", "handle", "server", "state", "message", "account_id")
        for row in run.rows.order_by("number").values(*shown).iterator(chunk_size=500):
            self.stdout.write(json.dumps(row))
        standing = reporting.standing(run)
        counts = {name: getattr(standing, name) for name in standing.__slots__}
        self.stdout.write(json.dumps({"onboarding": run.pk, "state": run.state, **counts}))

    def _report(self, run: OnboardingRun) -> None:
        for row in run.rows.filter(state=RowState.FAILED).order_by("number").iterator(chunk_size=500):
            self.stdout.write(f"row {row.number}: {row.network} {row.handle}: {row.message}")
        standing = reporting.standing(run)
        self.stdout.write(
            f"{standing.rows} accounts: {standing.connected} connected, {standing.known} connected before, "
            f"{standing.failed} failed, {standing.rows - standing.connected - standing.known - standing.failed} open."
        )
