"""A segment over a million people: built while others write, then kept true to each change."""

from __future__ import annotations

import random
import threading
import time
from argparse import Namespace

from tests.benchmarks import environment, figures, report

from django.db import connection  # isort: skip
from leads import segments  # isort: skip
from leads.models import Person, PersonChange, SegmentMember  # isort: skip

SUMMARY = (
    "A segment by language, score and followers is built while another connection changes one person after another; the longest "
    "of those writes is `longest_write_block_ms`, beside the same writes with nobody building. Then single people change, and "
    "`update_ms` is the time from the commit until the segment holds them: the follower is asked at once, as its notice does."
)
PEOPLE = """
INSERT INTO leads_person (display_name, first_name, last_name, company, title, website, country, language, lifecycle, stage,
    stage_reason, score, created_at, updated_at)
SELECT 'Person ' || n, '', '', '', '', CASE n %% 5 WHEN 0 THEN 'https://p' || n || '.example' ELSE '' END, 'DE',
    CASE n %% 3 WHEN 0 THEN 'de' ELSE 'en' END, 'lead', 'new', '', n %% 100, now(), now()
FROM generate_series(1, %s) AS n
"""
PROFILES = """
INSERT INTO leads_profile (person_id, network, handle, remote_id, url, display_name, bio, language, recent_posts, found_via,
    followers_count, created_at)
SELECT id, 'noop', 'p' || id, '', '', '', '', '', '[]', '', id %% 10000, now() FROM leads_person
"""
RULES = {
    "match": "all",
    "rules": [
        {"field": "language", "is": "one_of", "value": ["de"]},
        {"field": "score", "is": "at_least", "value": 50},
        {"match": "any", "rules": [
            {"field": "followers", "is": "at_least", "value": 5_000}, {"field": "link", "is": "is", "value": True},
        ]},
    ],
}  # fmt: skip
QUIET_SECONDS = 3.0


class Writer(threading.Thread):
    """Changes one person after the other over its own connection, and keeps how long each took, in milliseconds."""

    def __init__(self, people: int) -> None:
        super().__init__(daemon=True)
        self.people, self.took, self.over = people, [], threading.Event()
        self.took: list[float] = []

    def run(self) -> None:
        """Write until told to stop."""
        while not self.over.is_set():
            began = time.monotonic()
            Person.objects.filter(pk=random.randint(1, self.people)).update(
                language=random.choice(["de", "en"])
            )
            self.took.append((time.monotonic() - began) * 1000)
            time.sleep(0.002)
        connection.close()

    def stop(self) -> list[float]:
        """The times so far."""
        self.over.set()
        self.join()
        return self.took


def main() -> None:
    options = arguments()
    with environment.installation():
        report.publish("segments", SUMMARY, measured(options), options)


def arguments() -> Namespace:
    parser = report.parser("How a segment over many people is built and kept.")
    parser.add_argument("--people", type=int, default=1_000_000, help="People there are (default 1,000,000).")
    parser.add_argument(
        "--updates", type=int, default=200, help="Single changes that are followed (default 200)."
    )
    return parser.parse_args()


def measured(options: Namespace) -> dict[str, float]:
    """Seed, build beside a writer, follow single changes, and compare with the rules applied from the start."""
    seed(options.people)
    alone = Writer(options.people)
    alone.start()
    time.sleep(QUIET_SECONDS)
    before = alone.stop()
    segment = segments.create_segment(name="Benchmark", rules=RULES, by="benchmark")
    beside = Writer(options.people)
    beside.start()
    began = time.monotonic()
    segments.build(segment.pk)
    seconds = time.monotonic() - began
    during = beside.stop()
    report.say(f"built in {seconds:.1f} s beside {len(during)} writes, the longest {max(during):.0f} ms")
    followed = segments.follow_changes()
    updates = sorted(update(segment.pk, options.people) for _ in range(options.updates))
    fitting = segments.count(RULES)
    held = SegmentMember.objects.filter(segment=segment).count()
    assert not fitting.exact or fitting.people == held, f"{held} in the segment, {fitting.people} fit"
    return {
        "people": options.people,
        "members": held,
        "build_seconds": figures.rounded(seconds),
        "longest_write_block_ms": figures.rounded(max(during)),
        "write_p95_ms_beside": figures.rounded(figures.percentile(during, 0.95)),
        "longest_write_ms_alone": figures.rounded(max(before)),
        "changes_followed": followed,
        "update_ms_p95": figures.rounded(figures.percentile(updates, 0.95)),
    }


def seed(people: int) -> None:
    """Everybody, without the notes that triggers would make of it."""
    began = time.monotonic()
    environment.rows("SET session_replication_role = replica")
    environment.rows(PEOPLE, people)
    environment.rows(PROFILES.replace("%%", "%"))
    environment.rows("SET session_replication_role = DEFAULT")
    environment.rows("VACUUM ANALYZE leads_person, leads_profile")
    environment.checkpoint()
    assert not PersonChange.objects.exists()
    report.say(f"{people:,} people in {time.monotonic() - began:.0f} s")


def update(segment_id: int, people: int) -> float:
    """Milliseconds from one person's change to their leaving or entering."""
    pk = random.randint(1, people)
    mine = SegmentMember.objects.filter(segment_id=segment_id, person_id=pk)
    # Out and in by turns: the second always changes something.
    Person.objects.filter(pk=pk).update(language="en")
    segments.follow_changes()
    assert not mine.exists()
    Person.objects.filter(pk=pk).update(language="de", score=99, website="https://new.example")
    began = time.monotonic()
    segments.follow_changes()
    took = (time.monotonic() - began) * 1000
    assert mine.exists()
    return took


if __name__ == "__main__":
    main()
