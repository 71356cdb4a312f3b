"""The browser worker: ``python -m automation.browser.child PARENT``. Playwright, one job at a time, and nothing else.

It has no Django applications, no database and no secrets but those of the job at hand. It dies with its parent, at its
job's deadline even if nobody kills it, and when its parent closes the pipe. Its standard output belongs to the wire.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Error, Playwright, TimeoutError, sync_playwright

from automation.browser import announcing
from automation.browser.gate import Gate
from automation.browser.visit import Action, Visit, told
from automation.browser.wire import Closed, Wire
from outreach.lib import processes

CONNECT_SECONDS = 10.0
AFTER_DEADLINE = 0.5  # seconds after which the kernel ends us, should our parent not have


def main() -> None:
    processes.die_with(int(sys.argv[1]))
    wire = Wire(os.dup(0), os.dup(1))
    # Whatever a library prints must neither garble the wire nor read from it.
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    with sync_playwright() as playwright:
        worker = Worker(playwright, wire)
        family = [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]
        wire.send({"ready": family}, until=time.monotonic() + CONNECT_SECONDS)
        try:
            while True:
                worker.work(wire.receive(until=math.inf))
        except Closed:
            return  # our parent needs us no more


class Worker:
    """Keeps the connection to the browser from job to job."""

    def __init__(self, playwright: Playwright, wire: Wire) -> None:
        self._playwright, self._wire = playwright, wire
        self._browser: Browser | None = None
        self._endpoint = ""
        self._gate: Gate | None = None

    def work(self, job: dict[str, Any]) -> None:
        """Do one job and say what came of it."""
        if not settings.configured:
            settings.configure(ALLOWED_PRIVATE_HOSTS=job["private_hosts"])
        left = job["deadline"] - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(0.01, left + AFTER_DEADLINE))
        try:
            self._tell(job, **self._answer(job))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _answer(self, job: dict[str, Any]) -> dict[str, Any]:
        try:
            browser = self._connected(job["endpoint"], job["deadline"])
            visit = Visit(browser, job, self._own_gate() if job["gated"] else None)
        except Error as error:
            is_the_jobs = self._opens_no_such(error)
            self._forget_browser()  # and with it what it had opened by then
            return {"failed": told(error), "connected": True} if is_the_jobs else {"down": one_line(error)}
        announcing.hear(lambda: self._tell(job, acting=True))
        announcing.once_by(visit.send_once)
        with visit:
            action = find_action(job["action"])
            if time.monotonic() >= job["deadline"]:
                return {"down": "there was no time left to begin"}
            self._tell(job, started=True)
            said = visit.perform(action, Path(job["folder"]) if job["folder"] else None)
            return {**said, "connected": browser.is_connected()}

    def _opens_no_such(self, error: Error) -> bool:
        """Whether the browser is well and it is this job's context that cannot be: its state, zone or proxy is wrong."""
        is_there = self._browser is not None and self._browser.is_connected()
        return (
            is_there and not isinstance(error, TimeoutError) and type(error).__name__ != "TargetClosedError"
        )

    def _connected(self, endpoint: str, deadline: float) -> Browser:
        if self._browser is None or self._endpoint != endpoint or not self._browser.is_connected():
            self._forget_browser()
            milliseconds = max(1.0, min(CONNECT_SECONDS, deadline - time.monotonic()) * 1000)
            chromium = self._playwright.chromium
            if is_cdp(endpoint):
                self._browser = chromium.connect_over_cdp(endpoint, timeout=milliseconds)
            else:
                self._browser = chromium.connect(endpoint, timeout=milliseconds)
            self._endpoint = endpoint
        return self._browser

    def _forget_browser(self) -> None:
        browser, self._browser = self._browser, None
        if browser is not None and browser.is_connected():
            browser.close()  # of a connection: the server lives on

    def _own_gate(self) -> Gate:
        if self._gate is None:
            self._gate = Gate()
        return self._gate

    def _tell(self, job: dict[str, Any], **said: Any) -> None:
        self._wire.send({"job": job["id"], **said}, until=job["deadline"] + AFTER_DEADLINE)


def find_action(name: str) -> Action:
    """The function ``package.module:function``; one that cannot be found raises why when it is called."""
    module, _, function = name.partition(":")
    try:
        found: Action = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        problem = error

        def missing(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
            raise LookupError(f"There is no action {name}: {problem}")

        return missing
    return found


def is_cdp(endpoint: str) -> bool:
    """Whether an address speaks Chromium's own protocol instead of Playwright's."""
    return endpoint.startswith(("http://", "https://")) or "/devtools/" in endpoint


def one_line(error: BaseException) -> str:
    """An exception's first line; the rest is a log of Playwright's calls, which may quote what was typed."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]


if __name__ == "__main__":
    main()
