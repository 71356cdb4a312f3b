"""One browser server for the whole run, in a data folder of its own, and jobs that reach the sandbox network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.browser import work
from automation.browser.pool import pool
from automation.browser.work import Job, OpenDesk
from automation.channels.sandbox.process import SandboxProcess
from tests.automation.browser.serving import Serving

HERE = "tests.automation.browser.actions"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, chromium_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("browser"), CHROMIUM_PATH=str(chromium_path)) as serving:
        yield serving


@pytest.fixture
def served(server: Serving, settings: Any) -> Serving:
    """The test's own process finds the server, and keeps no rows of slots or sessions."""
    settings.DATA_DIR = server.folder
    settings.BROWSER = {**settings.BROWSER, "start_seconds": 60.0}
    return server


@pytest.fixture
def open_desk() -> Iterator[OpenDesk]:
    """Everybody gets a slot."""
    desk = OpenDesk()
    before = work.use(desk)
    yield desk
    work.use(before)


@pytest.fixture(autouse=True, scope="session")
def no_worker_left() -> Iterator[None]:
    yield
    pool().close()


@pytest.fixture
def job(network: SandboxProcess) -> Callable[..., Job]:
    """``job("look", path="/login", seconds=5)``: an action of ours on the sandbox network."""

    def make(action: str, *, path: str = "", **fields: Any) -> Job:
        arguments = {"url": f"{network.url}{path}", **fields.pop("arguments", {})}
        values = {"allowed_hosts": ("127.0.0.1",), "seconds": 40.0, **fields}
        return Job(f"{HERE}:{action}", arguments, **values)

    return make
