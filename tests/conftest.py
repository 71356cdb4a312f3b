"""Fixtures every part of the tests may use."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from automation.browser import chromium
from monitoring.errors import GroupingHandler
from tests import emptying

Answer = TypeVar("Answer")


def pytest_configure(config: pytest.Config) -> None:
    """Tables are emptied quickly; only the handler's own tests write error groups, since its thread would write into others'."""
    DatabaseOperations.sql_flush = emptying.sql_flush
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, GroupingHandler)]:
        root.removeHandler(handler)


def fail_in_ci(report: pytest.TestReport | pytest.CollectReport, keywords: Any) -> None:
    """With CI=true a skip is a failure: what CI did not look at is not known to work."""
    expected = hasattr(report, "wasxfail") or "bluesky" in keywords
    if report.skipped and os.environ.get("CI") == "true" and not expected:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} may not be skipped in CI. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    fail_in_ci(report, item.keywords)
    # Reports travel between processes as UTF-8, and some tests log what is not.
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    fail_in_ci(report, collector.keywords)
    return report


class BrowserThread:
    """A Chromium in a thread of its own, so that the test's thread stays free for the ORM.

    Synchronous Playwright leaves an event loop in its thread, where Django refuses to query.
    """

    def __init__(self, program: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright: Playwright
        self._browser: Browser
        self._thread.submit(self._start, program).result()

    def _start(self, program: Path) -> None:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=str(program), args=chromium.launch_flags(), chromium_sandbox=False
        )

    def run(self, look: Callable[[Page], Answer], **context_options: Any) -> Answer:
        """What ``look(page)`` returns, called in the browser's thread with a page of a fresh context.

        ``context_options`` are Playwright's, e.g. ``base_url=live_server.url`` or ``storage_state=...``.
        """

        def visit() -> Answer:
            context = self._browser.new_context(**context_options)
            try:
                return look(context.new_page())
            finally:
                context.close()

        return self._thread.submit(visit).result()

    def close(self) -> None:
        self._thread.submit(self._browser.close).result()
        self._thread.submit(self._playwright.stop).result()
        self._thread.shutdown()


@pytest.fixture(scope="session")
def chromium_path(pytestconfig: pytest.Config) -> Path:
    """A Chromium, installed when there is none; where that is impossible the test skips, saying why."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    try:
        return chromium.find_or_install(settings.CHROMIUM_PATH, say)
    except chromium.ChromiumMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def browser(chromium_path: Path) -> Iterator[BrowserThread]:
    """One Chromium for the whole run; ``browser.run(lambda page: ...)`` gives each call a fresh context."""
    thread = BrowserThread(chromium_path)
    yield thread
    thread.close()
