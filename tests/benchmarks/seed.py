"""What a benchmark starts from: accounts with lanes and limits, people who did not say no, and tasks that wait."""

from __future__ import annotations

from django.db import connection, transaction

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Credential, Limit
from automation.engine import lanes
from automation.enums import Priority
from automation.models import Lane
from leads.models import Person, Profile
from outreach.lib import clock
from tests.benchmarks.environment import rows, value

NETWORK = "noop"
PEOPLE = 2_000
FAR = 1_000_000_000  # a limit nobody reaches, yet one that has to be counted
EVERYTHING = "accounts_account, leads_person, accounts_allowance, automation_task, automation_drain"

TASKS = """
INSERT INTO automation_task (lane_id, kind, priority, state, due_at, reason, detail, attempt_count, failure_count,
    dedupe_key, send_id, person_id, profile_id, payload, remote_id, url)
SELECT lane.id, %(kind)s, %(priority)s, 'pending', now() - interval '1 hour' + n * interval '1 microsecond',
    '', '', 0, 0, %(batch)s || n, gen_random_uuid(), profile.person_id, profile.id, '{}', '', ''
FROM generate_series(0, %(count)s - 1) AS n
JOIN unnest(%(lanes)s::bigint[]) WITH ORDINALITY AS lane(id, place) ON lane.place = 1 + n %% %(lane_count)s
JOIN (SELECT id, person_id, row_number() OVER (ORDER BY id) - 1 AS place FROM leads_profile) AS profile
  ON profile.place = (n / %(lane_count)s) %% %(people)s
"""


def accounts(count: int, *, proves: bool = True) -> list[int]:
    """Throw everything away and make ``count`` working accounts with lane and limits, and people; returns their ids."""
    rows(f"TRUNCATE {EVERYTHING} CASCADE")
    people = Person.objects.bulk_create([Person(display_name=f"Person {n}") for n in range(PEOPLE)])
    Profile.objects.bulk_create(
        [Profile(person=one, network=NETWORK, handle=f"person{n}") for n, one in enumerate(people)]
    )
    return more_accounts(count, proves=proves)


def more_accounts(count: int, *, proves: bool) -> list[int]:
    """Working accounts beside those there are."""
    there = Account.objects.count()
    made = Account.objects.bulk_create(
        [
            Account(network=NETWORK, handle=f"account{n}", status=AccountStatus.ACTIVE, sending_gap=0.0)
            for n in range(there, there + count)
        ],
        batch_size=1000,
    )
    secret = {"proves": proves}
    Credential.objects.bulk_create([Credential(account=one, secret=secret) for one in made], batch_size=1000)
    Lane.objects.bulk_create([Lane(account=one, network=NETWORK) for one in made], batch_size=1000)
    Limit.objects.bulk_create(
        [Limit(account=one, kind=ActionKind.FOLLOW, limit=FAR) for one in made], batch_size=1000
    )
    rows("ANALYZE")
    return [one.pk for one in made]


def tasks(lane_ids: list[int], count: int, *, kind: str = ActionKind.FOLLOW) -> None:
    """Write ``count`` tasks that are due, dealt out to the lanes in turn. No lane hears of it: see :func:`wake`."""
    batch = f"benchmark-{value('SELECT count(*) FROM automation_task')}-"
    with connection.cursor() as cursor:
        given = {"lanes": lane_ids, "lane_count": len(lane_ids), "kind": kind, "priority": Priority.NORMAL}
        cursor.execute(TASKS, {**given, "batch": batch, "count": count, "people": PEOPLE})
    rows("ANALYZE automation_task")


@transaction.atomic
def wake(lane_ids: list[int]) -> None:
    """Tell the lanes that they have work, as a writer does."""
    lanes.wake(dict.fromkeys(lane_ids, (clock.database_now(), Priority.NORMAL)))
