"""How long one claim takes: the transaction with consent, limits and attempts, by how many tasks wait and where."""

from __future__ import annotations

import time
from argparse import Namespace

from tests.benchmarks import environment, figures, report, seed

# isort: split
from automation.engine import lanes, runner, start
from automation.engine.claim import claim
from automation.engine.lanes import Lease
from automation.engine.shapes import Answer, Outcome
from tests.benchmarks.noop.channel import NoopChannel

SUMMARY = (
    "Milliseconds of one claim transaction with so many tasks waiting, spread over 500 lanes and all in one; `batch` claims "
    "up to 50 (the channel proves its acts), `one` claims one. The small number is measured before and after the large one. "
    "`times` is the p95 with the large number over that with the small one."
)
BATCH = 50
WAYS = {"batch": True, "one": False}  # whether the channel proves its acts


def main() -> None:
    options = arguments()
    with environment.installation():
        found: dict[str, float] = {}
        for layout, count in (("spread", options.lanes), ("single_lane", 1)):
            found |= measured(layout, count, options)
        report.publish("claim", SUMMARY, found, options)


def arguments() -> Namespace:
    parser = report.parser("Milliseconds of one claim with few and with many tasks waiting.")
    parser.add_argument("--few", type=int, default=100_000, help="Tasks waiting (default 100,000).")
    parser.add_argument("--many", type=int, default=1_000_000, help="Tasks waiting (default 1,000,000).")
    parser.add_argument("--lanes", type=int, default=500, help="Accounts they are spread over (default 500).")
    parser.add_argument("--samples", type=int, default=400, help="Claims measured of each (default 400).")
    return parser.parse_args()


def measured(layout: str, lane_count: int, options: Namespace) -> dict[str, float]:
    """The latencies with few, many and again few tasks in so many lanes."""
    before = waiting(lane_count, options.few, options.samples // 2)
    many = waiting(lane_count, options.many, options.samples)
    after = waiting(lane_count, options.few, options.samples // 2)
    found: dict[str, float] = {}
    for way in WAYS:
        few = before[way] + after[way]
        for number, seen in ((options.few, few), (options.many, many[way])):
            for share in (50, 95):
                found[f"{layout}_{way}_{number}_p{share}_ms"] = figures.rounded(
                    figures.percentile(seen, share / 100)
                )
        p95 = figures.percentile(many[way], 0.95)
        found[f"{layout}_{way}_times"] = figures.ratio(p95, figures.percentile(few, 0.95))
    report.say(f"{layout}: {found}")
    return found


def waiting(lane_count: int, tasks: int, samples: int) -> dict[str, list[float]]:
    """Latencies of claims, by way, with so many tasks waiting in so many lanes."""
    ids = seed.accounts(lane_count)
    seed.tasks(ids, tasks)
    report.say(f"{tasks:,} tasks wait in {lane_count:,} lanes")
    environment.rows("VACUUM ANALYZE automation_task")
    environment.checkpoint()
    seed.wake(ids)
    for proves in WAYS.values():  # plans and caches
        sample(samples // 10, proves=proves)
    return {way: sample(samples, proves=proves) for way, proves in WAYS.items()}


def sample(count: int, *, proves: bool) -> list[float]:
    """Milliseconds of ``count`` claims, on lanes in the order in which a drain would lease them.

    What was claimed is completed and the lane given back, as ever; none of that is counted.
    """
    channel = NoopChannel(proves=proves)
    seen: list[float] = []
    while len(seen) < count:
        leased = lanes.lease(owner="benchmark", places=1, per_network=1, busy={})
        if not leased:
            time.sleep(0.005)  # somebody else's drains have them all for the moment
        for lease in leased:
            seen.append(_claim_once(lease, channel))
    return seen


def _claim_once(lease: Lease, channel: NoopChannel) -> float:
    began = time.perf_counter()
    claimed = claim(lease, channel, batch=BATCH if channel.proves else 1)
    took = 1000 * (time.perf_counter() - began)
    begun = [item for item in claimed.claims if channel.proves or start.begin(item, seconds=channel.deadline)]
    runner.settle(lease, [Outcome(item, Answer.DONE) for item in begun])
    lanes.release(lease)
    if not begun:
        raise SystemExit("A claim brought nothing although tasks wait.")
    return took


if __name__ == "__main__":
    main()
