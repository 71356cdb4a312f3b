"""A practice network, a real Chromium behind the browser's own server, and accounts that sign in with passwords."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from automation.browser import chromium, endpoint, work
from automation.browser.work import Job, Session
from automation.channels import evidence
from automation.channels.base import Login
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.sandbox.process import SandboxProcess
from automation.channels.web.channel import WebChannel, connect
from outreach.lib import processes
from tests.automation.browser import conftest as browsing
from tests.automation.browser.serving import Serving

server, served, no_worker_left = browsing.server, browsing.served, browsing.no_worker_left
NEVER = 100_000.0  # seconds; a reply delay that no test outlives


class MemoryDesk:
    """Slots for everybody, and sessions kept in memory: what the installation's desk does with rows."""

    def __init__(self) -> None:
        self.states: dict[int, Any] = {}

    def enter(self, account: int) -> None:
        pass

    def leave(self, account: int) -> None:
        pass

    def slot(self, job: Job) -> AbstractContextManager[None]:
        return nullcontext()

    def session(self, account: int) -> Session:
        return Session(self.states.get(account), partial(self.states.__setitem__, account))


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(
        tmp_path_factory.mktemp("sandbox"), people=60, accounts=60, reply_delay=NEVER, shares={"closed": 0.3}
    ) as process:
        yield process


@pytest.fixture
def control(sandbox: SandboxProcess) -> Iterator[Control]:
    """The side door; nothing is broken before a test, nor after it."""
    sandbox.control.reset_faults()
    yield sandbox.control
    sandbox.control.reset_faults()


@pytest.fixture(autouse=True)
def desk(served: Serving) -> Iterator[MemoryDesk]:
    fresh = MemoryDesk()
    before = work.use(fresh)
    yield fresh
    work.use(before)


_used = iter(range(1_000_000))


@pytest.fixture
def fresh_account(control: Control) -> Callable[[], OwnAccount]:
    """An account that no other test used, each time it is called."""
    accounts = control.accounts()
    return lambda: accounts[next(_used) % len(accounts)]


def login_of(account: OwnAccount, control: Control, **secret: str) -> Login:
    number = int(account.id.strip("abcdefghijklmnopqrstuvwxyz") or 0) + 1
    return Login(number, account.handle, control.url, "", secret or {"password": account.password})


@pytest.fixture
def login(fresh_account: Callable[[], OwnAccount], control: Control) -> Login:
    return login_of(fresh_account(), control)


@pytest.fixture
def channel(login: Login) -> Iterator[WebChannel]:
    opened = connect(login)
    assert isinstance(opened, WebChannel)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, list[evidence.Evidence]]:
    """What was handed over as evidence, by send id."""
    found: dict[UUID, list[evidence.Evidence]] = {}
    monkeypatch.setattr(
        evidence, "_keepers", [lambda send_id, shown: found.setdefault(send_id, []).extend(shown)]
    )
    return found


# --- Browsers elsewhere ----------------------------------------------------------------------------------------------
@pytest.fixture(scope="package")
def debugged(tmp_path_factory: pytest.TempPathFactory, chromium_path: Path) -> Iterator[str]:
    """The address of a Chromium that speaks its own protocol."""
    home = tmp_path_factory.mktemp("debugged")
    process = subprocess.Popen(
        [
            str(chromium_path), "--remote-debugging-port=0", f"--user-data-dir={home}", "--headless",
            *chromium.launch_flags(),
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    port = home / "DevToolsActivePort"
    ends = time.monotonic() + 30
    while not port.exists() or not port.read_text():
        assert time.monotonic() < ends, "it did not start"
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
    process.send_signal(signal.SIGKILL)
    processes.kill_whole(process.pid)
    process.wait()


@pytest.fixture
def addresses(served: Serving, debugged: str) -> dict[str, Callable[[], str]]:
    """Where browsers are that ``BROWSER_URL`` may name, by the protocol they speak."""
    return {
        "playwright": lambda: endpoint.address(until=time.monotonic() + 60),
        "cdp by http": lambda: debugged,
        "cdp by ws": lambda: str(httpx.get(f"{debugged}/json/version").json()["webSocketDebuggerUrl"]),
    }
