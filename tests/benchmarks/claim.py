"""How long one claim takes: the transaction with consent, limits and attempts, by how many tasks wait and where."""

from __future__ import annotations

import time
from argparse import Namespace

from tests.benchmarks import environment, figures, report, seed

# isort: split
from automation.engine import lanes, runner
from automation.engine.claim import claim
from automation.engine.lanes import Lease
from automation.engine.shapes import Answer, Outcome

SUMMARY = (
    "Milliseconds of one claim transaction with so many tasks waiting, spread over 500 lanes and all in one; `batch` claims "
    "up to 50 (the channel proves its acts), `one` claims one. The small number is measured before and after the large one. "
    "`times` is the p95 with the large number over that with the small one."
)
BATCH = 50


def main() -> None:
    options = arguments()
    with environment.installation():
        found: dict[str, float] = {}
        for layout, count in (("spread", options.lanes), ("single_lane", 1)):
            for way, proves in (("batch", True), ("one", False)):
                report.say(f"{layout}, {way}")
                found |= measured(f"{layout}_{way}", count, options, proves=proves)
        report.publish("claim", SUMMARY, found, options)


def arguments() -> Namespace:
    parser = report.parser("Milliseconds of one claim with few and with many tasks waiting.")
    parser.add_argument("--few", type=int, default=100_000, help="Tasks waiting (default 100,000).")
    parser.add_argument("--many", type=int, default=1_000_000, help="Tasks waiting (default 1,000,000).")
    parser.add_argument("--lanes", type=int, default=500, help="Accounts they are spread over (default 500).")
    parser.add_argument("--samples", type=int, default=400, help="Claims measured of each (default 400).")
    return parser.parse_args()


def measured(name: str, count: int, options: Namespace, *, proves: bool) -> dict[str, float]:
    """The latencies with few, many and again few tasks."""
    few = waiting(count, options.few, options.samples // 2, proves=proves)
    many = waiting(count, options.many, options.samples, proves=proves)
    few += waiting(count, options.few, options.samples // 2, proves=proves)
    found = {}
    for label, seen in ((options.few, few), (options.many, many)):
        for share in (50, 95):
            found[f"{name}_{label}_p{share}_ms"] = figures.rounded(figures.percentile(seen, share / 100))
    times = figures.ratio(figures.percentile(many, 0.95), figures.percentile(few, 0.95))
    report.say(f"  {found}, {times} times")
    return {**found, f"{name}_times": times}


def waiting(lane_count: int, tasks: int, samples: int, *, proves: bool) -> list[float]:
    """Latencies of claims with so many tasks waiting in so many lanes."""
    ids = seed.accounts(lane_count, proves=proves)
    seed.tasks(ids, tasks)
    environment.rows("VACUUM ANALYZE automation_task")
    environment.checkpoint()
    seed.wake(ids)
    sample(samples // 10)  # plans and caches
    return sample(samples)


def sample(count: int) -> list[float]:
    """Milliseconds of ``count`` claims, on lanes in the order in which a drain would lease them.

    What was claimed is completed and the lane given back, as ever; none of that is counted.
    """
    seen: list[float] = []
    while len(seen) < count:
        leased = lanes.lease(owner="benchmark", places=1, per_network=1, busy={})
        if not leased:
            time.sleep(0.005)  # somebody else's drains have them all for the moment
        for lease in leased:
            seen.append(_claim_once(lease))
    return seen


def _claim_once(lease: Lease) -> float:
    channel = runner.open_channel(lease)
    began = time.perf_counter()
    claimed = claim(lease, channel, batch=BATCH)
    took = 1000 * (time.perf_counter() - began)
    begun = [item for item in claimed.claims if channel.proves or runner.start.begin(item, seconds=10.0)]
    runner.settle(lease, [Outcome(item, Answer.DONE) for item in begun])
    lanes.release(lease)
    if not begun:
        raise SystemExit("A claim brought nothing although tasks wait.")
    return took


if __name__ == "__main__":
    main()
