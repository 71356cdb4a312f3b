"""Live and ready: what a load balancer, a supervisor and an operator's probe ask.

No secret and no name of anybody is in the answers, so they need no login.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core.cache import cache
from django.db import Error, ProgrammingError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import heartbeats
from monitoring.checks import overdue, queue
from monitoring.models import Heartbeat, HeartbeatKind
from outreach.lib.clock import database_now
from outreach.lib.postgres import EmbeddedPostgresError

PROCESSES = {
    HeartbeatKind.CLUSTER: "workers",
    HeartbeatKind.DISPATCHER: "dispatcher",
    HeartbeatKind.BROWSER: "browser",
}
UNREACHABLE = (Error, EmbeddedPostgresError)


class State(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"  # it works, with less than all its parts
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation; ``reason`` is empty while it is well."""

    name: str
    state: State = State.OK
    reason: str = ""


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """This process answers. Nothing else is asked, so a restart is only caused by what a restart mends."""
    return JsonResponse({"state": State.OK})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 with state ok or degraded, 503 when work would not be done; each part says why."""
    parts = examine()
    state = max((part.state for part in parts), key=list(State).index)
    body = {
        "state": state,
        "parts": {part.name: {"state": part.state, "reason": part.reason} for part in parts},
    }
    return JsonResponse(body, status=503 if state == State.DOWN else 200)


def examine() -> list[Part]:
    """Every part, in at most 6 queries; without the database nothing else can be known."""
    try:
        now = database_now()
        return [Part("database"), _cache(), _queue(now), *_processes(now), _tasks(now)]
    except ProgrammingError:
        return [Part("database", State.DOWN, "Its tables are not those of this version: manage.py migrate.")]
    except UNREACHABLE:
        return [Part("database", State.DOWN, "The database does not answer.")]


def _cache() -> Part:
    try:
        cache.get("health")
    except UNREACHABLE:
        return Part("cache", State.DOWN, "The cache does not answer: manage.py createcachetable.")
    return Part("cache")


def _queue(now: datetime) -> Part:
    finding = next(queue.look(now), None)
    return Part("queue", State.DEGRADED, finding.message) if finding else Part("queue")


def _processes(now: datetime) -> Iterator[Part]:
    """Workers and dispatcher must be there; the browser server only where one was ever started."""
    rows = list(Heartbeat.objects.filter(kind__in=list(PROCESSES)))
    for kind, name in PROCESSES.items():
        mine = [row for row in rows if row.kind == kind and row.age(now) < heartbeats.FORGET_AFTER]
        late = [row for row in mine if heartbeats.is_late(row, now)]
        without = [row for row in mine if row not in late and row.detail.get("state") == State.DEGRADED]
        if without:
            yield Part(name, State.DEGRADED, str(without[0].detail.get("reason", "")))
            continue
        if len(late) < len(mine) or (not mine and kind not in heartbeats.NEEDED):
            yield (
                Part(name, State.DEGRADED, f"{len(late)} of {len(mine)} stopped answering.")
                if late
                else Part(name)
            )
        else:
            yield Part(name, State.DOWN if kind in heartbeats.NEEDED else State.DEGRADED, "None is alive.")


def _tasks(now: datetime) -> Part:
    since = overdue.oldest(now)
    if since and now - since > timedelta(seconds=settings.OVERDUE_ALERT_SECONDS):
        return Part(
            "tasks", State.DOWN, f"Due tasks have waited for {(now - since).total_seconds():.0f} seconds."
        )
    return Part("tasks")
