"""What an installation holds: memory, files, connections; idle, and after a day's work done fast."""

from __future__ import annotations

import socket
import time
import urllib.request
from argparse import Namespace
from collections.abc import Sequence

import psutil

from tests.benchmarks import environment, parts, report, seed
from tests.benchmarks.parts import Part

SUMMARY = (
    "Megabytes (PSS: what is shared counts once) of web, cluster and dispatcher with all their processes, without "
    "PostgreSQL; open files; connections. Idle, and after each part of a day's work: tasks through the engine and pages "
    "of the admin's login and the health check."
)
IDLE_SECONDS = 20.0  # first pages and jobs are over, lingering drains have ended
WORK_SECONDS = 600.0
PAGES = 200


def main() -> None:
    options = arguments()
    with environment.installation():
        ids = seed.accounts(options.accounts)
        address = f"127.0.0.1:{free_port()}"
        started = [
            parts.manage("web", "--bind", address),
            parts.manage("cluster"),
            parts.manage("dispatcher"),
        ]
        with parts.running(*started):
            visit(address, 1)
            found = {"idle": rest(started)}
            for part in range(1, options.parts + 1):
                work(started, ids, options.tasks // options.parts)
                visit(address, PAGES)
                found[f"after_{part * options.tasks // options.parts}_tasks"] = rest(started)
            found["by_process_mb"] = by_process(started)
        report.publish("memory", SUMMARY, {**found, "idle_pss_mb": found["idle"]["pss_mb"]}, options)


def arguments() -> Namespace:
    parser = report.parser("Memory, open files and connections, idle and after a day's work.")
    parser.add_argument("--tasks", type=int, default=20_000, help="Of a day (default 20,000).")
    parser.add_argument("--parts", type=int, default=4, help="Looks taken during the day (default 4).")
    parser.add_argument("--accounts", type=int, default=100, help="Default 100.")
    return parser.parse_args()


def rest(started: Sequence[Part]) -> dict[str, float]:
    """What is held once the installation has come to rest."""
    for _ in parts.patiently(started, IDLE_SECONDS, pause=0.5):
        continue
    family = [process for part in started for process in part.family()]
    found = {
        "pss_mb": round(sum(map(pss_mb, family)), 1),
        "processes": len(family),
        "files": sum(process.num_fds() for process in family),
        "connections": environment.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ),
    }
    report.say(f"{found}")
    return found


def pss_mb(process: psutil.Process) -> float:
    """A process's share of memory by /proc/<pid>/smaps_rollup, in megabytes of a million bytes."""
    with open(f"/proc/{process.pid}/smaps_rollup") as file:
        kilobytes = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return kilobytes * 1024 / 1e6


def by_process(started: Sequence[Part]) -> dict[str, float]:
    """Each part's own share."""
    return {part.name: round(sum(map(pss_mb, part.family())), 1) for part in started}


def work(started: Sequence[Part], ids: list[int], count: int) -> None:
    """Tasks for every account, until all are done."""
    seed.tasks(ids, count)
    seed.wake(ids)
    for _ in parts.patiently(started, WORK_SECONDS, pause=0.5):
        if not environment.value(
            "SELECT EXISTS (SELECT FROM automation_task WHERE state IN ('pending', 'running'))"
        ):
            return
    raise SystemExit(f"{count} tasks were not done within {WORK_SECONDS:.0f} s.")


def visit(address: str, pages: int) -> None:
    """Ask the web process for pages, waiting for it to come up first."""
    ends = time.monotonic() + 60.0
    while pages:
        try:
            for path in ("/health/live", "/admin/login/"):
                with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
                    answer.read()
            pages -= 1
        except ConnectionError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
        except urllib.error.URLError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
