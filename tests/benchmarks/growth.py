"""Throughput and claim latency by number of accounts, with one cluster and with two on one database; and a picture of it."""

from __future__ import annotations

import threading
from argparse import Namespace
from pathlib import Path

from tests.benchmarks import environment, figures, ours, report
from tests.benchmarks.chart import Chart, Line, draw

# isort: split
from django.db import connection

from tests.benchmarks import claim

SUMMARY = (
    "Tasks a second in batches, and milliseconds of one claim (p95) taken beside the working clusters, by number of "
    "accounts that all have work. Every cluster has its own processes with 2 working workers, as a second host would; "
    "here they share the cores. `cpu_ms` is processor time of all workers a task. See `growth.svg`."
)
PICTURE = Path(__file__).with_name("growth.svg")
CLAIMS = 60


def main() -> None:
    options = arguments()
    seen: dict[tuple[int, int], dict[str, float]] = {}
    with environment.installation():
        for accounts in options.accounts:
            for clusters in (1, 2):
                seen[accounts, clusters] = point(accounts, clusters, options)
                report.say(f"{accounts} accounts, clusters {clusters}: {seen[accounts, clusters]}")
        found = {
            f"{accounts}_accounts_{clusters}_clusters": one for (accounts, clusters), one in seen.items()
        }
        PICTURE.write_text(picture(options.accounts, seen))
        report.publish("growth", SUMMARY, {**found, **judged(options.accounts, seen)}, options)


def arguments() -> Namespace:
    parser = report.parser("Throughput and claim latency by accounts and clusters; writes growth.svg.")
    parser.add_argument("--accounts", type=int, nargs="+", default=[100, 500, 2_000, 10_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="Of each measurement (default 10).")
    parser.add_argument("--workers", type=int, default=2, help="Drains at work in each cluster (default 2).")
    return parser.parse_args()


def point(accounts: int, clusters: int, options: Namespace) -> dict[str, float]:
    """One measurement: throughput, processor time a task, and claims taken meanwhile by this process as one drain more."""
    latencies: list[float] = []
    sampler = threading.Thread(target=_sample, args=(latencies,), daemon=True)
    pace = ours.measure(
        proves=True, seconds=options.seconds, workers=options.workers, lanes=accounts, clusters=clusters,
        meanwhile=sampler.start,
    )  # fmt: skip
    sampler.join(60)
    return {
        "per_s": figures.rounded(pace.per_second),
        "claim_p50_ms": figures.rounded(figures.percentile(latencies, 0.5)),
        "claim_p95_ms": figures.rounded(figures.percentile(latencies, 0.95)),
        "cpu_ms": figures.rounded(1000 * pace.worker_cpu / pace.tasks),
    }


def _sample(into: list[float]) -> None:
    try:
        into.extend(claim.sample(CLAIMS, proves=True))
    finally:
        connection.close()


def judged(sizes: list[int], seen: dict[tuple[int, int], dict[str, float]]) -> dict[str, float]:
    """The growth in two ratios: from the fewest accounts to the most, and from one cluster to two (the median size)."""
    few, many = min(sizes), max(sizes)
    two = [figures.ratio(seen[size, 2]["per_s"], seen[size, 1]["per_s"]) for size in sizes]
    return {
        "most_to_fewest_accounts": figures.ratio(seen[many, 1]["per_s"], seen[few, 1]["per_s"]),
        "two_clusters_to_one": figures.percentile(two, 0.5),
    }


def picture(sizes: list[int], seen: dict[tuple[int, int], dict[str, float]]) -> str:
    """Both figures side by side over the number of accounts."""

    def line(clusters: int, figure: str) -> Line:
        name = "1 cluster" if clusters == 1 else f"{clusters} clusters"
        return Line(name, [seen[size, clusters][figure] for size in sizes])

    labels = [f"{size:,}" for size in sizes]
    machine = report.machine()
    foot = f"Accounts with work. {machine['cores']} cores, PostgreSQL {machine['postgresql']}, commit {machine['commit']}"
    return draw(
        [
            Chart("Tasks a second", labels, [line(1, "per_s"), line(2, "per_s")]),
            Chart("Claim, p95, ms", labels, [line(1, "claim_p95_ms"), line(2, "claim_p95_ms")]),
        ],
        foot,
    )


if __name__ == "__main__":
    main()
