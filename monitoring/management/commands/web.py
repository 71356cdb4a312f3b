"""Serves the admin and the API."""

from __future__ import annotations

import gc
import logging
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import connections
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from outreach.lib import processes


class OurLogger(Logger):
    """gunicorn's messages go where all of ours go, and requests are not logged twice."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn's, without its handlers; called again when its settings are reloaded."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Server(BaseApplication):
    """gunicorn with one process of threads; its arbiter replaces a worker that hangs for 30 seconds."""

    def __init__(self, bind: str) -> None:
        self.bind = bind
        super().__init__(prog="outreach web")

    def load_config(self) -> None:
        """What differs from gunicorn's own settings."""
        for name, value in {
            "bind": self.bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": settings.WEB_THREADS,
            "timeout": 30,
            "graceful_timeout": 20,
            "keepalive": 5,
            "proc_name": "outreach web",
            "accesslog": None,
            "logger_class": OurLogger,
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, made in the worker: the arbiter must hold no connection that a fork would share."""
        return get_wsgi_application()


class Command(BaseCommand):
    help = "Serve the admin and the API. SIGTERM lets running requests end, for at most 20 seconds."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=settings.WEB_BIND, help="host:port to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        processes.forks_die_with_their_parent()
        import_module(settings.ROOT_URLCONF)  # with all pages, once here instead of in each worker that comes
        connections.close_all()
        gc.collect()
        gc.freeze()  # what the worker shares with the arbiter stays shared
        Server(options["bind"]).run()
