"""A list of accounts connected three at a time and one by one, on a network that takes its time; killed halfway."""

from __future__ import annotations

import os
import random
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import environment, figures, parts, report

# isort: split
from django.db.models import Count

from accounts.enums import ActionKind
from accounts.models import Account
from automation import jobs
from automation.channels.sandbox.control import OwnAccount
from automation.channels.sandbox.process import SandboxProcess
from automation.enums import OnboardingState, RowState
from automation.models import OnboardingRow, OnboardingRun, Task
from automation.onboarding import reading, services
from outreach.lib import processes

SUMMARY = (
    "Accounts connected from a CSV file, some rows bad, on a sandbox network that answers after `delay_ms`. `speedup` is "
    "the rate three at a time over the rate one by one. Halfway every process of the engine was killed with SIGKILL and "
    "started again; `twice` counts accounts and verified rows that exist more than once."
)
WANTED_SPEEDUP = 2.5
STALL_SECONDS = 240.0  # after the kill leases have to end first
KINDS_OF_BAD = 5
Engine = Sequence[parts.Part]


@dataclass(frozen=True, slots=True)
class Measured:
    """How one run went; ``rate`` is in rows a second between the first and the last verified row."""

    run: OnboardingRun
    seconds: float
    rate: float


def main() -> None:
    options = arguments()
    with environment.installation(), TemporaryDirectory() as folder:
        everybody = options.accounts + 2 * options.sample
        with SandboxProcess(Path(folder), people=10, accounts=everybody, reply_delay=1e6) as network:
            found = measured(network, options)
    report.publish("onboarding", SUMMARY, found, options)
    if wrong := judged(found, options):
        raise SystemExit("\n".join(wrong))


def arguments() -> Namespace:
    parser = report.parser(
        "Connect a list of accounts three at a time, kill it halfway, and compare with one by one."
    )
    parser.add_argument("--accounts", type=int, default=1000, help="Rows of the file (default 1000).")
    parser.add_argument("--bad", type=int, default=50, help="Of them bad in one of five ways (default 50).")
    parser.add_argument(
        "--sample", type=int, default=60, help="Accounts that the two rates are measured by (default 60)."
    )
    parser.add_argument(
        "--delay", type=float, default=0.3, help="Seconds the network takes to answer (default 0.3)."
    )
    parser.add_argument("--no-kill", action="store_true", help="Let the engine live.")
    options = parser.parse_args()
    if not KINDS_OF_BAD <= options.bad < options.accounts or options.sample < 6:
        parser.error("--bad is 5 or more and below --accounts, --sample 6 or more.")
    return options


def measured(network: SandboxProcess, options: Namespace) -> dict[str, float | int]:
    owned = network.control.accounts()
    network.control.fault("delay", seconds=options.delay)
    size = options.sample
    with parts.engine(workers=2) as engine:
        connect(listed(network.url, owned[:3]), engine, at_once=3)  # imports and connections are not measured
        one = connect(listed(network.url, owned[3:size]), engine, at_once=1)
        three = connect(listed(network.url, owned[size : 2 * size]), engine, at_once=3)
    report.say(f"one by one {one.rate:.2f}, three at a time {three.rate:.2f} accounts a second")
    content = listed(
        network.url, owned[2 * size : 2 * size + options.accounts - options.bad], bad=options.bad
    )
    whole = connect_and_kill(content, options)
    return {
        "accounts": options.accounts, "bad": options.bad, "connected": rows(whole.run, RowState.CONNECTED),
        "failed": rows(whole.run, RowState.FAILED), "named": named(whole.run), "twice": twice(whole.run),
        "killed": 0 if options.no_kill else 1, "delay_ms": round(options.delay * 1000),
        "speedup": figures.rounded(three.rate / one.rate), "one_by_one": figures.rounded(one.rate),
        "three_at_a_time": figures.rounded(three.rate), "seconds": figures.rounded(whole.seconds),
    }  # fmt: skip


def listed(server: str, owned: Sequence[OwnAccount], *, bad: int = 0) -> bytes:
    """A CSV file of these accounts, with ``bad`` rows of every kind strewn among them."""
    lines = [f"sandbox,{one.handle},{server},{one.token}" for one in owned]
    kinds = (
        "sandbox,wrong-token-{n},{server},no-such-token-{n}", "nowhere,unknown-network-{n},{server},x",
        "sandbox,no-token-{n},{server},", "sandbox,no-server-{n},,x", "sandbox,{first},{server},again-{n}",
    )  # fmt: skip
    first = owned[0].handle
    lines += [kinds[n % len(kinds)].format(n=n, server=server, first=first) for n in range(bad)]
    dealt = random.Random(7)
    head, rest = lines[0], lines[1:]  # the row that others repeat comes first
    dealt.shuffle(rest)
    return "\n".join(["network,handle,server,token", head, *rest]).encode()


def begin(content: bytes, at_once: int) -> OnboardingRun:
    entries = reading.read_csv(content)
    return services.start(name="accounts.csv", entries=entries, by="benchmark", at_once=at_once)


def connect(content: bytes, engine: Engine, *, at_once: int) -> Measured:
    """Connect a list and wait for its end."""
    began = time.monotonic()
    run = begin(content, at_once)
    finish(run, engine)
    return judged_run(run, time.monotonic() - began)


def connect_and_kill(content: bytes, options: Namespace) -> Measured:
    """The same, every process of the engine being killed when half the rows are done."""
    began = time.monotonic()
    with parts.engine(workers=2) as engine:
        run = begin(content, 3)
        if not options.no_kill:
            finish(run, engine, share=0.5)
            for part in engine:
                processes.kill_whole(part.process.pid)
            report.say(f"killed after {rows(run, RowState.CONNECTED)} accounts")
    with parts.engine(workers=2) as engine:
        finish(run, engine)
    return judged_run(run, time.monotonic() - began)


def finish(run: OnboardingRun, engine: Engine, *, share: float = 1.0) -> None:
    """Wait until a share of the rows is done; SystemExit when nothing moves for long.

    Once a minute it runs the job ``recover_lanes`` as the schedule does: a kill just between an end and its follow-up
    leaves nobody else to go on, and the figures are not to hang on when the schedule came last.
    """
    total, last, moved, clock = run.rows.count(), -1, time.monotonic(), time.monotonic()
    while True:
        for part in engine:
            part.check()
        run.refresh_from_db()
        done = run.rows.exclude(state__in=(RowState.QUEUED, RowState.VERIFYING, RowState.WAITING)).count()
        if run.state == OnboardingState.COMPLETED or (done >= total * share and share < 1.0):
            return
        now = time.monotonic()
        if done != last:
            last, moved = done, now
        if now - moved > STALL_SECONDS:
            raise SystemExit(f"Nothing moves any more: {done} of {total} rows are done.")
        if now - clock > 60:
            clock = now
            report.say(f"{done} of {total} rows")
            jobs.recover_lanes()
        time.sleep(0.05)


def judged_run(run: OnboardingRun, seconds: float) -> Measured:
    ends = (
        run.rows.filter(state=RowState.CONNECTED)
        .order_by("finished_at")
        .values_list("finished_at", flat=True)
    )
    times = [at.timestamp() for at in ends if at]
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    return Measured(run, seconds, (len(times) - 1) / span if span else 0.0)


def rows(run: OnboardingRun, state: str) -> int:
    return run.rows.filter(state=state).count()


def named(run: OnboardingRun) -> int:
    """Failed rows that say why."""
    return run.rows.filter(state=RowState.FAILED).exclude(message="").count()


def twice(run: OnboardingRun) -> int:
    """Accounts of one identity, or verified more than once with success, or rows that share an account."""
    remote = Account.objects.exclude(remote_id="").order_by().values("network", "remote_id")
    verified = Task.objects.filter(kind=ActionKind.VERIFY, state="completed").order_by().values("lane_id")
    shared = OnboardingRow.objects.filter(run=run, state=RowState.CONNECTED).order_by().values("account_id")
    return sum(
        found.annotate(count=Count("pk")).filter(count__gt=1).count() for found in (remote, verified, shared)
    )


def judged(found: dict[str, float | int], options: Namespace) -> list[str]:
    """What is not as it should be."""
    expected = {
        "connected": options.accounts - options.bad, "failed": options.bad, "named": options.bad, "twice": 0,
    }  # fmt: skip
    wrong = [
        f"{name} is {found[name]}, not {value}." for name, value in expected.items() if found[name] != value
    ]
    if found["speedup"] < WANTED_SPEEDUP:
        wrong.append(f"speedup is {found['speedup']}, under {WANTED_SPEEDUP}.")
    return wrong


if __name__ == "__main__":
    os.environ.setdefault("SANDBOX_DEADLINE", "10")
    main()
