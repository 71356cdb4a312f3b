"""One fresh context for one job: restored, contained, read out and closed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Route

from automation.browser import once
from automation.browser.gate import Gate, is_allowed
from outreach.lib import net

Action = Callable[[BrowserContext, dict[str, Any]], dict[str, Any]]
MOST_PAGES = 6  # a page that opens windows without end gets no more
STEP_SECONDS = 15.0  # how long one step of an action may wait for the page, at most
PICTURE_SECONDS = 3.0
MOST_BYTES = 5_000_000  # of one picture or trace
OPTIONS = frozenset({"locale", "timezone_id", "user_agent", "viewport"})
INSIDE = frozenset({"about", "data", "blob"})  # schemes that leave nothing


class Visit:
    """A context for ``job``; with a ``gate`` all its traffic passes it, else each request is looked at by itself.

    Downloads are refused, dialogs dismissed (Playwright's way when nobody listens), service workers and permissions not
    given; windows beyond a handful are closed as they open.
    """

    def __init__(self, browser: Browser, job: dict[str, Any], gate: Gate | None) -> None:
        self._job, self._gate = job, gate
        self._refused: set[str] = set()
        self._sends_beside = False
        self._context = self._open(browser)

    def _open(self, browser: Browser) -> BrowserContext:
        job = self._job
        options = {name: value for name, value in job["options"].items() if name in OPTIONS}
        if self._gate:
            self._gate.open(job["allowed_hosts"], proxy=job["proxy"])
            options["proxy"] = {"server": self._gate.address}
        elif job["proxy"]:
            options["proxy"] = proxy_options(job["proxy"])
        context = browser.new_context(
            storage_state=job["state"], accept_downloads=False, service_workers="block", **options
        )
        context.set_default_timeout(max(1.0, min(STEP_SECONDS, job["deadline"] - time.monotonic())) * 1000)
        context.on("page", self._on_page)
        if not self._gate:
            context.route("**/*", self._on_request)
            context.on("request", self._on_redirect)
        if job["keep_proof"]:
            context.tracing.start(
                snapshots=True
            )  # the page at each step; filming it would cost as much as the act
        return context

    def perform(self, action: Action, folder: Path | None) -> dict[str, Any]:
        """Call it: ``{result}`` or ``{failed}``, the state after it, and what was kept in ``folder``."""
        said: dict[str, Any] = {}
        try:
            said["result"] = action(self._context, self._job["arguments"])
        except Exception as error:  # noqa: BLE001 - whatever an action raises is told to the parent, which tells it apart
            said["failed"] = told(error)
        if folder:
            said["proofs"] = self._prove(folder, failed="failed" in said)
        with contextlib.suppress(
            Error
        ):  # the browser is gone: the outcome counts, the session stays what it was
            said["state"] = self._context.storage_state()
        refused = self._gate.refused if self._gate else self._refused
        return {**said, "refused_hosts": sorted(refused)[:50]}

    def _prove(self, folder: Path, *, failed: bool) -> list[str]:
        """Pictures of the open pages; a trace if the action failed. What cannot be had is left out."""
        for number, page in enumerate(self._context.pages[:MOST_PAGES]):
            with contextlib.suppress(Error):
                name = "page.png" if number == 0 else f"page-{number + 1}.png"
                page.screenshot(path=folder / name, timeout=PICTURE_SECONDS * 1000, animations="disabled")
        with contextlib.suppress(Error):
            self._context.tracing.stop(path=folder / "trace.zip" if failed else None)
        kept = sorted(path for path in folder.iterdir() if path.stat().st_size <= MOST_BYTES)
        return [path.name for path in kept]

    def _on_page(self, page: Page) -> None:
        if len(self._context.pages) > MOST_PAGES:
            page.close()

    def send_once(self, page: Page) -> None:
        """What a page writes leaves once from now on; see :mod:`automation.browser.once`."""
        if self._gate:
            once.on_new_connections(page, self._gate.cut)
        else:
            self._sends_beside = True

    def _on_request(self, route: Route) -> None:
        if not self._may_go(route.request.url):
            route.abort("blockedbyclient")
        elif self._sends_beside and route.request.method not in once.READS:
            once.beside(route)
        else:
            route.continue_()

    def _on_redirect(self, request: Request) -> None:
        """A redirect passes no route: the page that followed one outside is closed."""
        if request.redirected_from and not self._may_go(request.url):
            for page in self._context.pages:
                page.close()

    def _may_go(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.scheme in INSIDE:
            return True
        host = parts.hostname or ""
        if is_allowed(host, self._job["allowed_hosts"]) and _is_safe(host):
            return True
        self._refused.add(host)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gate:
            self._gate.close()  # nothing that a page says as it closes leaves any more
        with contextlib.suppress(Error):  # the browser is gone, and the context with it
            self._context.close()


def _is_safe(host: str) -> bool:
    """Whether the name leads into the public internet, or into a private network that is allow-listed."""
    try:
        return bool(net.resolve(host, 443))
    except (net.ForbiddenAddress, OSError):
        return False


def told(error: Exception) -> dict[str, Any]:
    """An exception as JSON: kind, first line of its message, and those of its attributes that are plain values."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    plain = {
        name: value
        for name, value in vars(error).items()
        if not name.startswith("_") and isinstance(value, str | int | float | bool | None)
    }
    kind = f"{type(error).__module__}:{type(error).__qualname__}"
    return {"kind": kind, "message": lines[0][:1000], "details": plain}


def proxy_options(proxy: str) -> dict[str, str]:
    """Playwright's proxy settings of ``http://user:password@host:port``."""
    parts = urlsplit(proxy)
    server = f"{parts.scheme}://{parts.hostname}:{parts.port or 8080}"
    return {"server": server, "username": parts.username or "", "password": parts.password or ""}
