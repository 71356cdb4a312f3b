"""Tasks a second through claim, consent, limits, attempt, channel, outcome; beside rivals that do nothing of the kind.

Quick: ``uv run python -m tests.benchmarks.engine --seconds 5 --rounds 1 --only engine``.
"""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any

from tests.benchmarks import environment, figures, ours, profiling, report
from tests.benchmarks.rivals import contenders

SUMMARY = (
    "Tasks a second through claim, consent, limits, attempt, channel (does nothing) and outcome, by real cluster "
    "processes with 2 working workers; `engine` in batches (the channel proves its acts), `engine_single` one by one. "
    "Rivals run a job that does nothing, on the same server. `pgbench` claims and completes row by row with 8 clients."
)


def main() -> None:
    options = arguments()
    if "procrastinate" in options.only and not options.profile:
        contenders.install_rivals()
    with environment.installation():
        if options.profile:
            profiling.profile(options)
            return
        chosen = {name: run for name, run in runners(options).items() if name in options.only}
        rounds = figures.interleave(chosen, options.rounds, report.say)
        seen = figures.medians(rounds)
        found = {
            **_named(seen),
            "ratios": ratios(seen),
            "rounds": options.rounds,
            "spread": figures.spread(rounds),
        }
        report.publish("engine", SUMMARY, found, options)


def arguments() -> Namespace:
    parser = report.parser("Tasks a second of the engine and of its rivals, in one run.")
    parser.add_argument("--seconds", type=float, default=10.0, help="Of each measurement (default 10).")
    parser.add_argument(
        "--rounds", type=int, default=3, help="Interleaved rounds; medians count (default 3)."
    )
    parser.add_argument("--workers", type=int, default=2, help="Drains of ours at work (default 2).")
    parser.add_argument("--lanes", type=int, default=100, help="Accounts that have work (default 100).")
    parser.add_argument("--kind", default="follow", help="What the tasks do (default follow).")
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES)
    )
    parser.add_argument("--profile", action="store_true", help="Tell where the engine's time goes instead.")
    return parser.parse_args()


NAMES = ("engine", "engine_single", "django_q2", "django_q2_best", "procrastinate", "pgbench")


def runners(options: Namespace) -> dict[str, figures.Measure]:
    """What measures each contender once."""
    seconds = options.seconds

    def engine(proves: bool) -> float:
        pace = ours.measure(
            proves=proves, seconds=seconds, workers=options.workers, lanes=options.lanes, kind=options.kind
        )
        each = 1000 * pace.worker_cpu / pace.tasks
        report.say(
            f"  {pace.tasks:,} tasks, {each:.2f} ms of worker CPU each, {pace.put_back:,} put back uncalled"
        )
        return pace.per_second

    return {
        "engine": partial(engine, True),
        "engine_single": partial(engine, False),
        "django_q2": partial(contenders.django_q2, seconds, best=False),
        "django_q2_best": partial(contenders.django_q2, seconds, best=True),
        "procrastinate": partial(contenders.procrastinate, seconds),
        "pgbench": partial(contenders.pgbench, seconds),
    }


def ratios(seen: dict[str, float]) -> dict[str, float]:
    """The engine's speed in times of each rival's; what was left out is left out."""
    found = {
        name: figures.ratio(seen["engine"], seen[name])
        for name in NAMES[2:]
        if {"engine", name} <= seen.keys()
    }
    if {"engine_single", "pgbench"} <= seen.keys():
        found["single_to_pgbench"] = figures.ratio(seen["engine_single"], seen["pgbench"])
    return found


def _named(seen: dict[str, float]) -> dict[str, Any]:
    return {f"{name}_per_s": rate for name, rate in seen.items()}


if __name__ == "__main__":
    main()
