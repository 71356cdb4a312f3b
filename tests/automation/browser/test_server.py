"""The browser server, killed and starved: it heals, says why it cannot, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from automation.browser import endpoint, work
from automation.browser.endpoint import DEGRADED, READY
from automation.browser.pool import pool
from automation.browser.work import BrowserDown, Job, Lost
from tests.automation.browser.serving import Serving

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("open_desk"), pytest.mark.timeout(180)]
MakeJob = Callable[..., Job]
AGAIN_WITHIN = 15.0  # seconds, promised


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    settings.BROWSER = {**settings.BROWSER, "start_seconds": 60.0}
    return tmp_path


def within(seconds: float, condition: Callable[[], Any]) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} seconds"
        time.sleep(0.05)
    return time.monotonic() - began


def state() -> str:
    found = endpoint.read()
    return found.state if found else ""


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_killed_chromium_and_launcher_are_replaced_and_leave_nothing(
    folder: Path, chromium_path: Path, job: MakeJob
) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)) as serving:
        work.perform(job("look"))
        for victims in (serving.chromium, serving.launcher):
            old = [one for one in serving.family() if one.pid != serving.pid]
            began = time.monotonic()
            for one in victims():
                one.kill()
            assert work.perform(job("look")).result["title"]
            assert time.monotonic() - began < AGAIN_WITHIN
            within(5, lambda old=old: gone(old))
        everything = serving.family()
    assert gone(everything)
    assert state() == ""


def test_act_under_way_when_chromium_dies_is_lost(folder: Path, chromium_path: Path, job: MakeJob) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)) as serving:
        work.perform(job("look"))
        killing = threading.Timer(2.0, lambda: [one.kill() for one in serving.chromium()])
        killing.start()
        with pytest.raises(Lost):
            work.perform(job("spin", seconds=20.0))


def test_killed_keeper_takes_everything_with_it(folder: Path, chromium_path: Path, job: MakeJob) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)) as serving:
        work.perform(job("look"))
        everything = serving.family()
        assert len(everything) > 3
        former = endpoint.read()
        os.kill(serving.pid, signal.SIGKILL)
        within(5, lambda: gone(everything))
    assert former
    assert Path(former.home).is_dir()
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)):
        within(60, lambda: not Path(former.home).exists())  # its successor clears up


def test_server_that_cannot_start_is_degraded_says_why_and_heals(
    folder: Path, chromium_path: Path, job: MakeJob, settings: Any
) -> None:
    program = folder / "bin" / "chromium"
    with Serving(folder, CHROMIUM_PATH=str(program), BROWSER_RETRY_SECONDS="1") as serving:
        took = within(60, lambda: state() == DEGRADED)
        assert serving.log.read_text().count("it is tried again") == 2
        assert took > 3.0  # three tries with pauses between them
        began = time.monotonic()
        with pytest.raises(BrowserDown, match=r"CHROMIUM_PATH .* is not a program"):
            work.perform(job("look"))
        assert time.monotonic() - began < 1.0
        program.parent.mkdir()
        program.symlink_to(chromium_path)
        within(20, lambda: state() == READY)
        assert work.perform(job("look")).result["title"]


def test_nothing_runs_and_the_caller_is_told_what_to_do(folder: Path, job: MakeJob, settings: Any) -> None:
    settings.BROWSER = {**settings.BROWSER, "start_seconds": 0.2}
    assert not endpoint.is_wanted()
    with pytest.raises(BrowserDown, match=r"manage\.py up"):
        work.perform(job("look"))
    assert endpoint.is_wanted()


def test_grown_chromium_is_followed_by_a_fresh_one(folder: Path, chromium_path: Path, job: MakeJob) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path), BROWSER_MEMORY_MB="1") as serving:
        work.perform(job("look"))
        first = endpoint.read()
        assert first
        found: list[Any] = []
        acting = threading.Thread(
            target=lambda: found.append(work.perform(job("sleep", arguments={"seconds": 20}, seconds=60.0)))
        )
        acting.start()
        within(40, lambda: (now := endpoint.read()) and now.endpoint != first.endpoint)
        acting.join()
        assert len(found) == 1  # it finished on the old one
        assert work.perform(job("look")).result["title"]
        pool().close()
        within(20, lambda: len(serving.launcher()) <= 2)


def test_address_is_readable_by_its_owner_only_and_in_no_repr(folder: Path, chromium_path: Path) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)) as serving:
        within(60, lambda: state() == READY)
        found = endpoint.read()
        assert found
        secret = found.endpoint.rpartition("/")[2]
        assert len(secret) > 30
        assert secret not in repr(found)
        assert secret not in serving.log.read_text()
        assert (folder / "run" / "browser.json").stat().st_mode & 0o777 == 0o600
        said = [" ".join(one.cmdline()) for one in serving.family()]
        assert not [line for line in said if secret in line]


def test_remote_browser_is_used_and_guarded(
    folder: Path, chromium_path: Path, job: MakeJob, settings: Any
) -> None:
    with Serving(folder, CHROMIUM_PATH=str(chromium_path)):
        within(60, lambda: state() == READY)
        found = endpoint.read()
        assert found
        settings.BROWSER_URL = found.endpoint
        pool().close()
        assert work.perform(job("look")).result["title"] == "Welcome - Sandbox"
        with pytest.raises(work.ActionFailed, match="ERR_BLOCKED_BY_CLIENT"):
            work.perform(job("look", allowed_hosts=("example.org",)))
    pool().close()
