"""`manage.py up` as a whole: real processes, killed and frozen. One `up` serves all tests, which run in order."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from outreach.lib import processes
from outreach.lib.postgres import Embedded

# The first start migrates an empty database, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(300)

REPLACED_WITHIN = 30.0  # seconds, promised for a killed or frozen part
GONE_WITHIN = 10.0  # seconds, promised for the children of what was killed

ENQUEUE = """
import django, sys
django.setup()
from outreach.lib import queue
for number in range(int(sys.argv[2])):
    queue.enqueue(sys.argv[3], sys.argv[1], *([str(number)] if sys.argv[3].endswith("line") else []))
"""


class Installation:
    """A data folder of its own, and the `up` that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "OUTREACH_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "outreach.settings",
            "WEB_BIND": f"127.0.0.1:{self.port}",
            "WORKERS": "2",
        }
        self.output = folder / "up.log"

    def up(self) -> subprocess.Popen[bytes]:
        with open(self.output, "ab") as output:
            return subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=settings.BASE_DIR, env=self.environment, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "up.json").read_text())
        except FileNotFoundError:
            return {"pid": 0, "parts": []}
        return found

    def pid(self, part: str) -> int:
        return next((int(each["pid"]) for each in self.state()["parts"] if each["name"] == part), 0)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def health(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as response:
                return str(json.load(response)["state"])
        except OSError:
            return "down"

    def run_jobs(self, count: int, job: str = "tests.jobs.write_line") -> Path:
        """Queue ``count`` jobs; the file they write their lines to."""
        lines = self.folder / f"jobs-{time.monotonic_ns()}"
        lines.touch()
        subprocess.run(
            [sys.executable, "-c", ENQUEUE, str(lines), str(count), job],
            cwd=settings.BASE_DIR, env=self.environment, check=True,
        )  # fmt: skip
        return lines

    def sentinel(self) -> psutil.Process | None:
        try:
            return next(iter(psutil.Process(self.pid("cluster")).children()), None)
        except psutil.NoSuchProcess:
            return None

    def crew(self) -> dict[str, list[psutil.Process]]:
        """The sentinel's children by what they do."""
        sentinel = self.sentinel()
        found: dict[str, list[psutil.Process]] = {"idle": [], "pusher": [], "monitor": []}
        for child in sentinel.children() if sentinel else []:
            found.setdefault(" ".join(child.cmdline()).split()[-1], []).append(child)
        return found

    def everything(self) -> list[psutil.Process]:
        return [member for part in self.state()["parts"] for member in processes.remains_of(part["pid"])]


def within(seconds: float, condition: Callable[[], Any]) -> float:
    """Wait until ``condition`` holds; how long that took. Fails when it takes longer."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} seconds"
        time.sleep(0.1)
    return time.monotonic() - began


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def gone(members: list[psutil.Process]) -> bool:
    return not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in members)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("installation"))
    process = installation.up()
    try:
        within(240, lambda: installation.answers() and len(installation.crew()["idle"]) == 2)
        yield installation
    finally:
        for pid in {process.pid, installation.state()["pid"]}:
            if pid and psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        server = Embedded.for_checkout(settings.BASE_DIR, installation.folder)
        server.stop()
        shutil.rmtree(server.home)


def test_up_prints_the_first_admin_once_and_logs_no_password(installation: Installation) -> None:
    said = installation.output.read_text()
    [password] = re.findall(r"First admin: admin   password: (\S+)", said)
    assert f"Admin: http://127.0.0.1:{installation.port}/admin/" in said
    for log in (installation.folder / "logs").iterdir():
        assert password not in log.read_text()


def test_second_up_refuses_and_names_the_first(installation: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=settings.BASE_DIR, env=installation.environment, capture_output=True,
        text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"already runs in {installation.folder}: process {installation.state()['pid']}" in done.stderr
    assert installation.answers()


def test_jobs_run(installation: Installation) -> None:
    written = installation.run_jobs(20)
    within(10, lambda: lines(written) == 20)


def test_jobs_run_again_after_every_idle_worker_was_killed(installation: Installation) -> None:
    for worker in installation.crew()["idle"]:
        worker.kill()
    written = installation.run_jobs(100)
    within(REPLACED_WITHIN, lambda: lines(written) == 100)


def test_job_that_ends_its_worker_leaves_its_neighbours_alone(installation: Installation) -> None:
    sentinel = installation.sentinel()
    died = installation.run_jobs(1, "tests.jobs.die")
    written = installation.run_jobs(20)
    within(10, lambda: (lines(died), lines(written)) == (1, 20))
    assert installation.sentinel() == sentinel


def test_killed_sentinel_leaves_no_orphan_and_is_replaced(installation: Installation) -> None:
    sentinel = installation.sentinel()
    assert sentinel
    old = [sentinel, *sentinel.children(recursive=True)]
    assert len(old) == 5
    sentinel.kill()
    within(GONE_WITHIN, lambda: gone(old))
    written = installation.run_jobs(10)
    within(REPLACED_WITHIN, lambda: lines(written) == 10)
    assert len(psutil.Process(installation.pid("cluster")).children()) == 1


def test_killed_and_frozen_parts_are_replaced_as_a_whole(installation: Installation) -> None:
    web, dispatcher, cluster = (installation.pid(name) for name in ("web", "dispatcher", "cluster"))
    old = installation.everything()
    os.kill(cluster, signal.SIGKILL)
    for member in processes.remains_of(web):
        member.suspend()
    os.kill(dispatcher, signal.SIGSTOP)
    within(
        REPLACED_WITHIN,
        lambda: (
            not {web, dispatcher, cluster} & {part["pid"] for part in installation.state()["parts"]}
            and len(installation.state()["parts"]) == 3
            and installation.answers()
        ),
    )
    assert gone(old)
    written = installation.run_jobs(10)
    within(REPLACED_WITHIN, lambda: lines(written) == 10)
    within(REPLACED_WITHIN, lambda: installation.health() == "ok")


def test_killed_up_takes_its_children_with_it_and_a_second_one_takes_over(installation: Installation) -> None:
    old, first = installation.everything(), installation.state()["pid"]
    assert len(old) >= 8
    os.kill(first, signal.SIGKILL)
    within(GONE_WITHIN, lambda: gone(old))
    following = installation.up()
    within(60, lambda: installation.state()["pid"] == following.pid and installation.answers())
    assert installation.output.read_text().count("First admin") == 1
    everything = installation.everything()
    following.send_signal(signal.SIGTERM)
    assert following.wait(30) == 0
    assert gone(everything)
    assert not (installation.folder / "up.json").exists()
    server = Embedded.for_checkout(settings.BASE_DIR, installation.folder)
    assert not (server.data / "postmaster.pid").exists()
