"""Runs Outreach: prepares the database, then keeps its parts running until it is stopped, the browser while it is wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error, connections

from automation.browser import endpoint
from automation.conversations import attention
from monitoring import heartbeats
from monitoring.supervision import probes
from monitoring.supervision.parts import Part, Plan
from monitoring.supervision.state import AlreadyRunning, State
from monitoring.supervision.supervisor import Supervisor
from outreach.lib import processes

MANAGE = str(settings.BASE_DIR / "manage.py")
PARTS = ("web", "cluster", "dispatcher", "browser", "mailboxes")


class Command(BaseCommand):
    help = "Run everything: migrate, create the first admin, then keep web, cluster and dispatcher running."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=settings.WEB_BIND, help="Where the web process listens.")
        for name in PARTS:
            parser.add_argument(f"--no-{name}", action="store_true", help=f"Run no {name} here.")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name for name in PARTS if not options[f"no_{name}"]]
        if not names:
            raise CommandError("Nothing is left to run.")
        bind = options["bind"]
        address = self._address(bind) if "web" in names else ""
        state = State(settings.DATA_DIR)
        try:
            former = state.claim()
        except AlreadyRunning as error:
            raise CommandError(str(error)) from error
        if address and probes.port_in_use(bind):
            raise CommandError(f"Another program listens on {bind}. Choose another: --bind 127.0.0.1:8001")
        self._hold_database()
        self._prepare(options["verbosity"])
        for part in former:
            _forget(part["name"], part["pid"])
        self._supervise(state, names, bind, address)
        connections.close_all()
        state.release()
        self.stdout.write("Outreach has stopped.")

    def _address(self, bind: str) -> str:
        try:
            host, (_, port) = probes.reachable_host(bind), probes.split_bind(bind)
        except ValueError as error:
            raise CommandError(str(error)) from error
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/admin/"

    def _hold_database(self) -> None:
        """Say at once if it cannot be reached; an embedded one runs from now on until the last part has ended."""
        try:
            connections[DEFAULT_DB_ALIAS].ensure_connection()
        except Error as error:
            raise CommandError(f"The database cannot be reached: {error}") from error
        connections.close_all()

    def _prepare(self, verbosity: int) -> None:
        # In a process of its own, which gives back what migrations take: this one stays small for months.
        command = [sys.executable, MANAGE, "prepare", "--verbosity", str(verbosity)]
        done = subprocess.run(command, check=False, preexec_fn=partial(processes.die_with, os.getpid()))  # noqa: S603
        if done.returncode:
            raise CommandError("The database could not be prepared; what went wrong stands above.")

    def _supervise(self, state: State, names: list[str], bind: str, address: str) -> None:
        folder = settings.DATA_DIR / "run"
        folder.mkdir(parents=True, exist_ok=True)
        parts = [Part(_plan(name, bind), folder) for name in names]
        announced = False

        def changed(running: Sequence[Part]) -> None:
            nonlocal announced
            state.write(address=address, parts=[part.facts() for part in running])
            if not announced:
                announced = True
                listed = ", ".join(f"{part.plan.name} ({part.pid})" for part in running)
                self.stdout.write(f"Outreach runs: {listed}. Ctrl-C stops it.")
                if address:
                    self.stdout.write(f"Admin: {address}")
                self.stdout.flush()

        Supervisor(parts, acting=probes.acting, changed=changed, ended=_forget).run()


def _forget(name: str, pid: int) -> None:
    """A part that was replaced is not missing."""
    try:
        heartbeats.end(heartbeats.process_name(name, pid))
    except Error:
        connections.close_all()  # in an outage its heartbeat stays, and is late for a day


def _plan(name: str, bind: str) -> Plan:
    if name == "web":
        return Plan(
            name,
            (MANAGE, "web", "--bind", bind),
            partial(probes.web, bind),
        )
    if name == "browser":
        return Plan(name, (MANAGE, "browser", "--on-demand"), wanted=endpoint.is_wanted)
    if name == "mailboxes":
        return Plan(name, (MANAGE, name), wanted=attention.is_wanted)
    return Plan(name, (MANAGE, name))
