"""From an empty database to leads: one command and the schedules, on a sandbox network; then the same again within the hour.

What is counted is what the network counted: every request that reached it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks import environment, figures, parts, report

# isort: split
from accounts import services as accounts
from accounts.enums import AccountStatus, Role
from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.channels.sandbox.process import SandboxProcess
from automation.models import DiscoveryPlan
from leads.enums import Stage
from leads.models import Person

SUMMARY = (
    "`manage.py bootstrap` on an empty database with the schedules running, against a sandbox network of synthetic people; "
    "then the same command again. `fetches` are the requests for profiles and lists that the network counted the first time, "
    "`repeat_fetches` the second; `early` are those that came before a pause the network had asked for was over. `fit` is the "
    "share of the qualified that the network's own truth calls a fit, `agreement` that of all whom the rules judged either way; "
    "`left_open` is the share of those read that they leave to the model or a person."
)
LEAST_PROFILES, LEAST_QUALIFIED, LEAST_SAVING = 1000, 200, 0.8
LEAST_AGREEMENT = 0.9
FETCHES = ("fetch_profile", "fetch_search", "fetch_related", "fetch_commenters")
CONNECT_SECONDS = 120.0


def main() -> None:
    options = arguments()
    with environment.installation(), TemporaryDirectory() as folder:
        network = SandboxProcess(
            Path(folder), people=options.people, accounts=options.accounts, reply_delay=1e6
        )
        with network, parts.running(*machinery()) as running:
            connect(network, running)
            network.control.forget_requests()
            first = run(options, running)
            fetched = counted(network.control)
            again = run(options, running)
            found = results(network.control, first, fetched, again)
    report.publish("discovery", SUMMARY, found, options)
    if missed := misses(found, options):
        report.say("Missed: " + "; ".join(missed))
        raise SystemExit(1)


def arguments() -> Namespace:
    parser = report.parser(
        "From an empty database to leads by one command and the schedules, and the same again."
    )
    parser.add_argument(
        "--people", type=int, default=2500, help="Synthetic people on the network (default 2500)."
    )
    parser.add_argument("--accounts", type=int, default=4, help="Accounts of ours that read (default 4).")
    parser.add_argument(
        "--profiles", type=int, default=LEAST_PROFILES, help="Until so many are read (default 1000)."
    )
    parser.add_argument(
        "--qualified", type=int, default=LEAST_QUALIFIED, help="And so many fit (default 200)."
    )
    parser.add_argument("--seconds", type=float, default=900.0, help="Give up after so long (default 900).")
    return parser.parse_args()


def machinery() -> list[parts.Part]:
    """Workers and the dispatcher, which runs the schedules, as an installation has them."""
    return [parts.manage("cluster", WORKERS="3"), parts.manage("dispatcher", WORKERS="3")]


def connect(network: SandboxProcess, running: list[parts.Part]) -> None:
    """Connect every account as an operator would; each is verified by a task of its own."""
    for own in network.control.accounts():
        accounts.create_account(
            network="sandbox", handle=own.handle, server=network.url, secret={"token": own.token}, role=Role.DISCOVER,
            by="benchmark",
        )  # fmt: skip
    for _ in parts.patiently(running, CONNECT_SECONDS):
        if not Account.objects.exclude(status__in=(AccountStatus.ACTIVE, AccountStatus.WARMING_UP)).exists():
            return
    raise SystemExit(f"The accounts were not verified within {CONNECT_SECONDS:.0f} s.")


def run(options: Namespace, running: list[parts.Part]) -> dict[str, Any]:
    """``manage.py bootstrap`` in a process of its own, until everything it found has been read; its figures."""
    began = time.monotonic()
    command = [sys.executable, "manage.py", "bootstrap", "--network", "sandbox", "--only", "--json"]
    # So many that it follows to the end: a repeat is compared with the whole.
    command += ["--profiles", str(10**6), "--qualified", "0", "--seconds", str(options.seconds)]
    done = subprocess.run(
        command, cwd=environment.ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=False
    )
    if not done.stdout.strip():
        raise SystemExit(f"bootstrap ended with {done.returncode} and no figures.")
    for part in running:
        part.check()
    told: dict[str, Any] = json.loads(done.stdout)
    if told["waiting"] or told["being_read"]:
        raise SystemExit(f"After {options.seconds:.0f} s there was still something to be read: {told}")
    return {**told, "seconds": time.monotonic() - began}


def counted(control: Control) -> Counter[str]:
    """The requests the network counted, by kind; counting begins anew."""
    seen = control.requests()
    control.forget_requests()
    found = Counter(request.kind for request in seen if request.kind in FETCHES)
    found["early"] = sum(request.early for request in seen)
    return found


def results(
    control: Control, first: dict[str, Any], fetched: Counter[str], again: dict[str, Any]
) -> dict[str, Any]:
    """The figures under the names they are reported by."""
    repeated = counted(control)
    fetches, repeats = (sum(one[kind] for kind in FETCHES) for one in (fetched, repeated))
    plan = DiscoveryPlan.objects.get(network="sandbox")
    return {
        "profiles": first["profiles"], "qualified": first["qualified"], **judged(control),
        "fetches": fetches, "searches": fetched["fetch_search"], "counted_by_us": plan.used,
        "repeat_fetches": repeats, "repeat_fetch_saving": round(1 - repeats / fetches, 4) if fetches else 0.0,
        "early": fetched["early"] + repeated["early"], "seconds": figures.rounded(first["seconds"]),
        "repeat_seconds": figures.rounded(again["seconds"]),
    }  # fmt: skip


def judged(control: Control) -> dict[str, float]:
    """How the rules' judgements stand to the network's truth, each a share from 0 to 1."""
    truth = {person.handle: person.fit for person in control.people()}
    read = Person.objects.filter(profiles__network="sandbox", profiles__fetched_at__isnull=False)
    stages = list(read.values_list("profiles__handle", "stage"))
    found = {stage: [truth.get(handle, False) for handle, one in stages if one == stage] for stage in Stage}
    fit, unfit = found[Stage.QUALIFIED], found[Stage.DISQUALIFIED]
    right = sum(fit) + len(unfit) - sum(unfit)
    return {
        "fit": share(sum(fit), len(fit)),
        "agreement": share(right, len(fit) + len(unfit)),
        "left_open": share(len(found[Stage.NEW]), len(stages)),
    }


def share(part: int, whole: int) -> float:
    """``part`` of ``whole``; 0 of nothing."""
    return round(part / whole, 3) if whole else 0.0


def misses(found: dict[str, Any], options: Namespace) -> list[str]:
    """What does not hold that must."""
    wanted = {
        f"under {options.profiles} profiles were read": found["profiles"] < options.profiles,
        f"under {options.qualified} people fit": found["qualified"] < options.qualified,
        f"the rules agree with the truth on less than {LEAST_AGREEMENT:.0%}": found["agreement"]
        < LEAST_AGREEMENT,
        f"repeat_fetch_saving is under {LEAST_SAVING}": found["repeat_fetch_saving"] < LEAST_SAVING,
        "the network counted more fetches than our plan": found["fetches"] + found["repeat_fetches"]
        > found["counted_by_us"],
        "requests came before a pause was over": found["early"] > 0,
    }
    return [sentence for sentence, missed in wanted.items() if missed]


if __name__ == "__main__":
    main()
