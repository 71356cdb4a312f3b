"""Acts a minute in a real Chromium, and what it holds, beside plain Playwright doing the same without us."""

from __future__ import annotations

import contextlib
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks import environment, figures, report

# isort: split
from django.conf import settings
from django.db import connections

from automation.browser import chromium, work
from automation.browser.pool import pool
from automation.browser.server import Chromium, proportional
from automation.browser.work import Job, Urgency
from automation.browsing import sessions
from automation.channels.sandbox.control import OwnAccount
from automation.channels.sandbox.process import SandboxProcess
from tests.automation.browser import actions
from tests.automation.browser.serving import Serving
from tests.factories import make_account

SUMMARY = (
    "One act: a fresh context with the account's saved state, the site's page, a publication typed and sent, the state "
    "read out, the context closed. Ours adds the slot, the session kept encrypted in the database, the worker's process, "
    "the deadline and the gate every request passes. Plain is one script with a thread, a driver and the same number of "
    "contexts in one Chromium. Megabytes (PSS) are those of Chromium, drivers and workers while they work."
)
TOLERANCE = 0.85  # at most 15 % slower
REST_SECONDS = 5.0  # in which contexts that were left are closed and their processes end


def main() -> None:
    options = arguments()
    with environment.installation(), site(options) as bench:
        found: dict[str, Any] = {}
        for count in options.contexts:
            contenders = {"ours": partial(bench.ours, count), "plain": partial(bench.plain, count)}
            seen = figures.interleave(contenders, options.rounds, report.say)
            middle = figures.medians(seen)
            found[f"contexts_{count}"] = {
                **{f"{name}_a_minute": value for name, value in middle.items()},
                "ratio": figures.ratio(middle["ours"], middle["plain"]),
                **{f"{name}_mb": round(bench.held[name, count], 1) for name in contenders},
            }
        found["worst_ratio"] = min(found[f"contexts_{count}"]["ratio"] for count in options.contexts)
        found |= bench.idle()
        found["within_15_percent"] = found["worst_ratio"] >= TOLERANCE
        report.publish("browser", SUMMARY, found, options)


def arguments() -> Namespace:
    parser = report.parser("Acts a minute and memory in a browser, beside plain Playwright.")
    parser.add_argument("--contexts", type=int, nargs="+", default=[1, 5, 20], help="Default 1 5 20.")
    parser.add_argument("--acts", type=int, default=120, help="Of each measurement (default 120).")
    parser.add_argument("--rounds", type=int, default=3, help="Default 3.")
    parser.add_argument("--accounts", type=int, default=50, help="With a saved session (default 50).")
    return parser.parse_args()


class Bench:
    """The site, the accounts signed in there, and both ways of acting on it."""

    def __init__(self, network: SandboxProcess, states: dict[int, Any], acts: int) -> None:
        self.url, self.states, self.acts = network.url, states, acts
        self.held: dict[tuple[str, int], float] = {}
        self.server: Serving | None = None
        self._numbers = iter(range(10_000_000))

    def ours(self, count: int) -> float:
        """Acts a minute through slots, sessions and workers."""
        with self._serving(count) as self.server:
            self._act_ours(count, count * 2)  # workers are warm, as are plain Playwright's
            value = self._timed("ours", count, partial(self._act_ours, count, self.acts))
            pool().close()
        return value

    def _act_ours(self, count: int, acts: int) -> None:
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(self._one, self._turns(acts)))
            list(threads.map(lambda _: connections.close_all(), range(count)))

    def _one(self, turn: int) -> None:
        account = list(self.states)[turn % len(self.states)]
        work.perform(
            Job(
                "tests.automation.browser.actions:publish", {"url": self.url, "text": f"Ours {turn}"}, account=account,
                allowed_hosts=("127.0.0.1",), seconds=60.0, urgency=Urgency.HIGH, wait=60.0,
            )
        )  # fmt: skip

    def plain(self, count: int) -> float:
        """Acts a minute by a script: one Chromium, a thread with its own driver for each context."""
        with plain_server() as endpoint:
            crew = [PlainThread(endpoint) for _ in range(count)]
            try:
                self._act_plain(crew, count * 2)
                return self._timed("plain", count, partial(self._act_plain, crew, self.acts))
            finally:
                for one in crew:
                    one.close()

    def _act_plain(self, crew: list[PlainThread], acts: int) -> None:
        turns = iter(self._turns(acts))
        lock = threading.Lock()

        def go_on(browser: Browser) -> None:
            while True:
                with lock:
                    turn = next(turns, None)
                if turn is None:
                    return
                account = list(self.states)[turn % len(self.states)]
                context = browser.new_context(storage_state=self.states[account])
                actions.publish(context, {"url": self.url, "text": f"Plain {turn}"})
                self.states[account] = context.storage_state()
                context.close()

        for future in [one.submit(go_on) for one in crew]:
            future.result()

    def _turns(self, acts: int) -> list[int]:
        return [next(self._numbers) for _ in range(acts)]

    def _timed(self, name: str, count: int, act: Callable[[], None]) -> float:
        began = time.monotonic()
        with Scale() as scale:
            act()
        seconds = time.monotonic() - began
        self.held[name, count] = scale.most
        return self.acts * 60 / seconds

    def idle(self) -> dict[str, Any]:
        """What all the accounts that have acted hold while none does: megabytes beyond those after the first act, and
        processes that show a page.
        """
        with self._serving(2) as self.server:
            self._act_ours(1, 1)
            alone = self._rest()
            self._act_ours(2, len(self.states))
            after = self._rest()
            pages = sum("--type=renderer" in " ".join(one.cmdline()) for one in self.server.family())
        return {
            "idle_accounts": len(self.states),
            "idle_accounts_mb": round(after - alone, 1),
            "idle_accounts_pages": pages,
        }

    def _rest(self) -> float:
        pool().close()
        time.sleep(REST_SECONDS)
        return browsers()

    def _serving(self, count: int) -> Serving:
        settings.BROWSER = {**settings.BROWSER, "slots": count + 1, "warm_workers": count}
        return Serving(environment.FOLDER, CHROMIUM_PATH=str(chromium.find(settings.CHROMIUM_PATH)))


class Scale:
    """The most that browsers and drivers below this process held, looked at now and then."""

    def __init__(self) -> None:
        self.most, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Scale:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(2.0):
            self.most = max(self.most, browsers())


def browsers() -> float:
    """Megabytes of every Chromium, driver and worker below this process."""
    below = psutil.Process().children(recursive=True)
    return sum(proportional(one) for one in below if is_browsers(one)) / 1e6


def is_browsers(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        words = " ".join(process.cmdline())
        return any(part in words for part in ("chrom", "playwright/driver", "automation.browser.child"))
    return False


class PlainThread:
    """A thread with a driver of its own and a connection to the one Chromium."""

    def __init__(self, endpoint: str) -> None:
        self._threads = ThreadPoolExecutor(1)
        self._threads.submit(self._open, endpoint).result()

    def _open(self, endpoint: str) -> None:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.connect(endpoint)

    def submit(self, act: Callable[[Browser], None]) -> Any:
        return self._threads.submit(lambda: act(self._browser))

    def close(self) -> None:
        self._threads.submit(self._playwright.stop).result()
        self._threads.shutdown()


@contextlib.contextmanager
def plain_server() -> Iterator[str]:
    """One Chromium by Playwright's own means."""
    program = chromium.find(settings.CHROMIUM_PATH)
    if program is None:
        raise SystemExit("No Chromium is installed: python manage.py browser --install")
    server = Chromium(Path(program))
    try:
        server.come_up(lambda: None)
        yield server.endpoint
    finally:
        server.end()


@contextlib.contextmanager
def site(options: Namespace) -> Iterator[Bench]:
    """The sandbox network's pages with accounts that have signed in."""
    folder = environment.FOLDER / f"site-{time.time():.0f}"
    with SandboxProcess(folder, accounts=options.accounts, people=20) as network:
        states = {}
        with sync_playwright_thread() as sign_in:
            for own in network.control.accounts():
                account = make_account(handle=own.handle, server=network.url)
                states[account.pk] = sign_in(network.url, own)
                sessions.store(account=account, state=states[account.pk], by="benchmark")
        yield Bench(network, states, options.acts)


@contextlib.contextmanager
def sync_playwright_thread() -> Iterator[Callable[[str, OwnAccount], Any]]:
    """Signs accounts in by plain Playwright, in a thread of its own: the ORM works in this one."""
    with plain_server() as endpoint:
        thread = PlainThread(endpoint)

        def sign_in(url: str, own: OwnAccount) -> Any:
            found: list[Any] = []

            def act(browser: Browser) -> None:
                context = browser.new_context()
                actions.sign_in(context, {"url": url, "handle": own.handle, "password": own.password})
                found.append(context.storage_state())
                context.close()

            thread.submit(act).result()
            return found[0]

        try:
            yield sign_in
        finally:
            thread.close()


if __name__ == "__main__":
    main()
