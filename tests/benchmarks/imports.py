"""People in and out by file: rows a second, memory, and what became of each row."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import environment, figures, report

from django.contrib.auth.models import User  # isort: skip
from leads import exporting, importing  # isort: skip
from leads.models import Export, Import, Person, Profile  # isort: skip

SUMMARY = (
    "A CSV file of people nobody knows yet is imported for real, then everybody is exported as CSV, each by one process as a "
    "worker does it. `peak_mb` is the most memory that process held at any moment, interpreter and Django included."
)
COLUMNS = ("email", "first_name", "last_name", "company", "title", "website", "country", "language", "tags")
FLAWED = 100  # one row in so many has no address that could be one
SLICE = 1 << 20


def main() -> None:
    options = arguments()
    if options.child:
        environment.connection.ensure_connection()
        print(CHILDREN[options.child](options), flush=True)
        return
    with environment.installation():
        report.publish("imports", SUMMARY, measured(options), options)


def arguments() -> Namespace:
    parser = report.parser("How fast people are imported and exported, and in how much memory.")
    parser.add_argument("--rows", type=int, default=500_000, help="Rows of the file (default 500,000).")
    parser.add_argument("--child", choices=sorted(CHILDREN), help="For its own use.")
    return parser.parse_args()


def measured(options: Namespace) -> dict[str, float]:
    """Each half in a process of its own, so that its memory is its own."""
    taken = child("in", options)
    run = Import.objects.latest("pk")
    report.say(f"{run.created:,} created, {run.failed:,} failed in {taken[0]:.1f} s, {taken[1]:.0f} MB")
    environment.rows("VACUUM ANALYZE leads_person, leads_profile, leads_person_tags")
    given = child("out", options)
    out = Export.objects.latest("pk")
    report.say(f"{out.rows:,} exported in {given[0]:.1f} s, {given[1]:.0f} MB")
    assert Person.objects.count() == run.created == out.rows, "somebody is missing, or there twice"
    assert Profile.objects.count() == run.created
    return {
        "rows": run.rows,
        "in_per_s": figures.rounded(run.rows / taken[0]),
        "out_per_s": figures.rounded(out.rows / given[0]),
        "peak_mb": figures.rounded(max(taken[1], given[1])),
        "peak_mb_in": figures.rounded(taken[1]),
        "peak_mb_out": figures.rounded(given[1]),
        "rows_failed": run.failed,
        "file_mb_in": figures.rounded(sum(map(len, lines(options.rows))) / 1e6),
        "file_mb_out": figures.rounded(out.size / 1e6),
    }


def child(which: str, options: Namespace) -> tuple[float, float]:
    """Seconds and megabytes of one half."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.imports",
        "--child",
        which,
        "--rows",
        str(options.rows),
    ]
    done = subprocess.run(
        command, cwd=environment.ROOT, stdout=subprocess.PIPE, text=True, check=True, env=os.environ
    )
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def take_in(options: Namespace) -> str:
    """Upload and import; the clock runs for both."""
    began = time.monotonic()
    run = importing.start_import(
        name="people.csv", content=lines(options.rows), by="benchmark", dry_run=False
    )
    importing.run_import(run.pk)
    return spent(began)


def give_out(options: Namespace) -> str:
    """Export everybody."""
    user = User.objects.create_user("exporter")
    began = time.monotonic()
    exporting.run_export(exporting.start_export(format="csv", by=user).pk)
    return spent(began)


CHILDREN = {"in": take_in, "out": give_out}


def spent(began: float) -> str:
    """Seconds since then, and the most memory this process ever held, in MB."""
    # Not by getrusage: that begins with what the parent held when it forked.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return f"{time.monotonic() - began} {peak}"


def lines(count: int) -> Iterator[bytes]:
    """The file, a megabyte at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for number in range(count):
        address = (
            "nobody" if number % FLAWED == FLAWED - 1 else f"person{number}@company{number % 5000}.example"
        )
        writer.writerow(
            (address, f"First{number % 700}", f"Last{number % 9000}", f"Company {number % 5000}", "Head of Coffee",
             f"https://company{number % 5000}.example", "DE", "de", f"batch {number % 7}")
        )  # fmt: skip
        if buffer.tell() > SLICE:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


if __name__ == "__main__":
    main()
