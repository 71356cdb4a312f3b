"""Somebody at the window of ``manage.py login --window``: what hands would do is done by Chromium's debugging port."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Self

import pytest
from playwright.sync_api import Error, Page, Playwright, sync_playwright

from automation.browser import chromium

PATIENCE = 60.0  # seconds until the window must be there


class Operator:
    """``with Operator(monkeypatch, handle, password):`` signs in at the window that opens meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, handle: str, password: str) -> None:
        self._handle, self._password = handle, password
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        flags = [*chromium.launch_flags(), f"--remote-debugging-port={self._port}"]
        monkeypatch.setattr(chromium, "launch_flags", lambda: flags)
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        if error is None and self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            with sync_playwright() as playwright:
                self._sign_in(self._window(playwright))
        except Exception as problem:  # noqa: BLE001 - raised again in the test's thread
            self._problem = problem

    def _window(self, playwright: Playwright) -> Page:
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self._port}")
                pages = [page for context in browser.contexts for page in context.pages]
                return next(page for page in pages if page.url.startswith("http"))
            except (Error, StopIteration):  # not there yet, or not at the site yet
                if time.monotonic() > ends:
                    raise
                time.sleep(0.3)

    def _sign_in(self, page: Page) -> None:
        page.get_by_label("Handle").fill(self._handle)
        page.get_by_label("Password").fill(self._password)
        page.get_by_role("button", name="Log in").click(no_wait_after=True)
