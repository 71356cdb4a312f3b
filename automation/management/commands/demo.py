from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from automation.channels import registry
from automation.channels.base import ChannelError
from automation.channels.demo import DemoNetwork, Options
from automation.demo import books, scenario
from automation.demo.books import Figures
from automation.demo.parts import Parts, free_address
from automation.demo.scenario import DemoFailed, Run


class Command(BaseCommand):
    help = (
        "Runs one outreach cycle from end to end: connects accounts, discovers and qualifies people, runs a campaign, "
        "publishes, and holds our books against what the network saw. Exits 1 unless nothing was sent twice, lost, "
        "over a limit or after a no."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--network",
            default=registry.offline_demo(),
            help="Default: %(default)s, which needs no internet.",
        )
        parser.add_argument("--url", default="", help="Address of a running server of that network.")
        parser.add_argument(
            "--token", action="append", default=[], help="Access token of one account; repeat for more."
        )
        parser.add_argument(
            "--accounts", type=int, default=20, help="Accounts of ours, where the network makes them."
        )
        parser.add_argument(
            "--people", type=int, default=500, help="Synthetic people, where the network makes them."
        )
        parser.add_argument("--seconds", type=float, default=300.0, help="Give up after so long.")
        parser.add_argument(
            "--bind", default="", help="Where the admin listens; by default the first free port from 8000 on."
        )
        parser.add_argument(
            "--json", action="store_true", help="One JSON object on standard output, nothing else."
        )
        parser.add_argument(
            "--stay", action="store_true", help="Keep everything running afterwards, until Ctrl-C."
        )

    def handle(self, *args: Any, **given: Any) -> None:
        # Progress goes to stderr: with --json nothing but the object may stand on stdout.
        self.console = Console(stderr=True)
        began = time.monotonic()
        call_command("migrate", verbosity=0)
        given["bind"] = given["bind"] or free_address(settings.WEB_BIND)
        parts = Parts(address=given["bind"], tell=self._tell)
        network = self._open(given)
        try:
            parts.start()
            run = self._play(network, given, parts, began + given["seconds"])
            seen = network.acts()
            figures = books.figures(run, seen, network.opted_out(), seconds=time.monotonic() - began)
            self._report(run, seen, figures, given)
            try:
                self._stay(parts, given)
            finally:
                scenario.rest(run)
        except (DemoFailed, ChannelError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self._tell("Stopped.")
            sys.exit(130)
        finally:
            parts.stop()
            network.close()
        if not figures.clean:
            sys.exit(1)

    def _tell(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False)

    def _open(self, given: dict[str, Any]) -> DemoNetwork:
        folder = Path(settings.DATA_DIR) / "demo" / secrets.token_hex(4)
        folder.mkdir(parents=True)
        options = Options(folder, given["accounts"], given["people"], given["url"], tuple(given["token"]))
        try:
            return registry.open_demo(given["network"], options)
        except (KeyError, ValueError, ChannelError) as error:
            raise CommandError(str(error).strip("'\"")) from error

    def _play(self, network: DemoNetwork, given: dict[str, Any], parts: Parts, deadline: float) -> Run:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            rows: dict[str, Any] = {}

            def say(what: str, share: float) -> None:
                if what not in rows:
                    rows[what] = progress.add_task(what, total=1.0)
                progress.update(rows[what], completed=share)

            return scenario.play(network, given["network"], say=say, deadline=deadline, alive=parts.look)

    def _report(self, run: Run, seen: Any, figures: Figures, given: dict[str, Any]) -> None:
        if given["json"]:
            self.stdout.write(json.dumps(figures.as_dict()))
            return
        out = Console(file=self.stdout)  # type: ignore[arg-type]
        table = Table(
            "Act", "Our books", f"What {given['network']} saw", title="Our books and the network's ledger"
        )
        for row in books.table(run, seen):
            table.add_row(row.kind, f"{row.ours}", f"{row.theirs}")
        out.print(table)
        result = Table("Figure", "Count", title="The cycle")
        for name, value in figures.as_dict().items():
            result.add_row(name.replace("_", " "), f"{value}")
        out.print(result)
        out.print(f"See all of it in the admin: http://{given['bind']}/admin/", highlight=False)

    def _stay(self, parts: Parts, given: dict[str, Any]) -> None:
        if given["stay"] or (sys.stdout.isatty() and sys.stdin.isatty() and not given["json"]):
            self._tell("The admin stays open until Ctrl-C. `manage.py up` opens it again.")
            parts.wait()
        elif not given["json"]:
            self._tell("Open it with: uv run manage.py up")
