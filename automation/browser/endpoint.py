"""Where the browser is: what the server's process writes down and the workers of its machine read.

Two files in the data folder. ``run/browser.json`` is the server's state, readable by its owner only since the address
in it is a secret: it is never logged. ``run/browser.wanted`` is touched by whoever needs a browser; ``manage.py up``
starts the server when it is fresh and the server ends when it is not any more. So an installation without browser work
runs nothing of it.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from automation.browser.shapes import BrowserDown

LOOK_SECONDS = 0.05
TOUCH_SECONDS = 5.0  # how fresh is fresh enough not to touch again
READY, STARTING, DEGRADED = "ready", "starting", "degraded"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server's process says of itself. ``since`` is in epoch seconds, ``pids`` are the programs it runs, ``home`` is
    where they keep their temporary files.
    """

    state: str
    endpoint: str = ""
    reason: str = ""
    since: float = 0.0
    pids: tuple[int, ...] = ()
    home: str = ""

    def __repr__(self) -> str:
        return f"ServerState({self.state}, {self.reason!r})"  # not the address


def folder() -> Path:
    """Where the files are."""
    return Path(settings.DATA_DIR) / "run"


def write(state: ServerState) -> None:
    """Say where the browser is, or why there is none."""
    path = folder() / "browser.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(state), file)
    draft.replace(path)


def read() -> ServerState | None:
    """What the machine's server said last; ``None`` when none runs."""
    try:
        found = json.loads((folder() / "browser.json").read_text())
        return ServerState(**{**found, "pids": tuple(found["pids"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def forget() -> None:
    """There is no server any more."""
    (folder() / "browser.json").unlink(missing_ok=True)


def want() -> None:
    """Somebody needs a browser now."""
    path = folder() / "browser.wanted"
    if wanted_ago() > TOUCH_SECONDS:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def wanted_ago() -> float:
    """Seconds since somebody needed a browser; infinite if nobody ever did."""
    try:
        return max(0.0, time.time() - (folder() / "browser.wanted").stat().st_mtime)
    except FileNotFoundError:
        return float("inf")


def is_wanted() -> bool:
    """Whether a server should run on this machine."""
    return not settings.BROWSER_URL and wanted_ago() < settings.BROWSER["server_idle_seconds"]


def missing() -> str:
    """Why there is no browser right now; empty when there is one. Wakes the server."""
    if settings.BROWSER_URL:
        return ""
    want()
    found = read()
    if found is None:
        return "The browser is not running. It starts with: python manage.py up"
    if found.state == STARTING:
        return "The browser is starting."
    return f"There is no browser: {found.reason}" if found.state == DEGRADED else ""


def address(*, until: float) -> str:
    """The browser's address, waited for until the moment ``until`` of ``time.monotonic()`` while it starts.

    Raises :class:`BrowserDown` with the reason when it does not come up, at once when it is known not to.
    """
    if settings.BROWSER_URL:
        return str(settings.BROWSER_URL)
    until = min(until, time.monotonic() + settings.BROWSER["start_seconds"])
    while True:
        why = missing()
        found = read()
        if found and found.state == READY:
            return found.endpoint
        if (found and found.state == DEGRADED) or time.monotonic() > until:
            raise BrowserDown(
                why or "The browser is starting.", retry_after=settings.BROWSER["retry_seconds"]
            )
        time.sleep(LOOK_SECONDS)
