"""Runs the browser server until it is stopped; with ``--on-demand`` only while acts want one."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections

from automation.browser import chromium, endpoint
from automation.browser.endpoint import ServerState
from automation.browser.server import Server
from outreach.lib import events, processes, stopping

log = structlog.get_logger(__name__)
BEAT_SECONDS = 10.0


class Command(BaseCommand):
    help = (
        "Run the browser that acts on sites without an API. `up` starts it by itself on the first such act."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--install", action="store_true", help="Only find a Chromium, or install one.")
        parser.add_argument(
            "--on-demand", action="store_true", help="End when nothing has wanted a browser for a while."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["install"]:
            self._install()
            return
        if settings.BROWSER_URL:
            raise CommandError(
                "BROWSER_URL names a browser somewhere else: none is run here. Unset it to run one."
            )
        stopping.on_signals()
        Server(say=self._say, beat=_Beats().beat).run(lambda: _go_on(on_demand=options["on_demand"]))
        _tell("process.ended")

    def _install(self) -> None:
        try:
            self._say(f"Chromium: {chromium.find_or_install(settings.CHROMIUM_PATH, self._say)}")
        except chromium.ChromiumMissing as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _go_on(*, on_demand: bool) -> bool:
    return not stopping.requested() and not (on_demand and not endpoint.is_wanted())


class _Beats:
    """Tells the supervisor of every turn, and the installation of every change and every ten seconds."""

    def __init__(self) -> None:
        self._told, self._state = 0.0, ""

    def beat(self, state: ServerState) -> None:
        processes.beat()
        if state.state == self._state and time.monotonic() - self._told < BEAT_SECONDS:
            return
        self._told, self._state = time.monotonic(), state.state
        _tell("process.beat", detail={"state": state.state, "reason": state.reason, "since": state.since})


def _tell(name: str, **data: Any) -> None:
    """Announce it; a database that is away must not take the browser down with it."""
    try:
        events.emit(name, kind="browser", **data)
    except Error as error:
        log.warning("browser_not_announced", detail=str(error))
        connections.close_all()
