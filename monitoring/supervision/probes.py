"""How a part is seen to be well from outside."""

from __future__ import annotations

import http.client
import socket
from datetime import timedelta

from django.conf import settings
from django.db import Error, connections

from automation.models import Drain
from monitoring.checks import overdue
from outreach.lib.clock import database_now

WEB_TIMEOUT = 4.0  # seconds
OVERDUE = timedelta(seconds=20)  # due work that nobody has started for so long, while no drain is alive
DRAIN_ALIVE = timedelta(seconds=10)


def split_bind(bind: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8000``, ``[::1]:8000`` or ``:8000``; :class:`ValueError` says what is wrong."""
    host, separator, port = bind.rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"{bind!r} is no address to listen on; write it like 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def reachable_host(bind: str) -> str:
    """The host under which this machine itself reaches what listens on ``bind``."""
    host, _ = split_bind(bind)
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def web(bind: str) -> str:
    """What is wrong with the web process: any answer at all proves that it lives."""
    connection = http.client.HTTPConnection(reachable_host(bind), split_bind(bind)[1], timeout=WEB_TIMEOUT)
    try:
        connection.request("GET", "/health/live", headers={"Host": _allowed_host()})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return ""


def port_in_use(bind: str) -> bool:
    """Whether another program listens there."""
    host, port = split_bind(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return True
    return False


def acting() -> str:
    """What is wrong with acting as a whole: work is overdue and nobody is at it. Nothing, when nobody can tell."""
    try:
        now = database_now()
        since = overdue.oldest(now)
        if (
            since is None
            or now - since < OVERDUE
            or Drain.objects.filter(beat_at__gt=now - DRAIN_ALIVE).exists()
        ):
            return ""
    except Error:
        connections.close_all()  # the database's trouble is not for us to mend by replacing its users
        return ""
    return f"work has been due for {(now - since).total_seconds():.0f} s and nobody is at it"


def _allowed_host() -> str:
    """A Host header the web process accepts, so that probing it fills no log with refusals."""
    host = next(iter(settings.ALLOWED_HOSTS), "localhost")
    return "localhost" if host == "*" else host.lstrip(".")
