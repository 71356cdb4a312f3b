"""What came out of a pass, kept in a handful of statements for all its profiles.

First what is about people, then about addresses, last where the profiles stand: if we die in between, the pass is run again,
and doing any of it twice changes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from accounts.enums import ActionKind
from automation.engine import tasks
from automation.enrichment import registry
from automation.enrichment.base import Step
from automation.enrichment.needing import Passed
from automation.enrichment.taking import ONLINE, Kind
from automation.enums import Reason, TaskState
from automation.models import Avatar, Task
from leads import services
from leads.enums import MailVerdict
from leads.models import Profile
from leads.services.found import Address, Fill
from outreach.lib import clock

BY = "enrichment"
SEVERITY = {"": 0, MailVerdict.GOOD: 1, MailVerdict.RISKY: 2, MailVerdict.BAD: 3}

LOCK = "SELECT 1 FROM automation_enrichment WHERE profile_id = ANY(%s) ORDER BY profile_id FOR NO KEY UPDATE"
# Whatever changed a profile while we were at it raised its revision: then it is due again at once.
KEEP = """
UPDATE automation_enrichment AS row SET
    steps = (row.steps - %(gone)s::text[]) || given.steps,
    facts = row.facts || given.facts,
    failed = ARRAY(
        SELECT entry.key FROM jsonb_each((row.steps - %(gone)s::text[]) || given.steps) AS entry
        WHERE entry.value ->> 's' = 'failed' ORDER BY entry.key),
    {deaths} = 0,
    {due} = CASE WHEN row.revision = given.revision THEN given.next_at ELSE now() END
    {onward}
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS given (id bigint, steps jsonb, facts jsonb, revision integer, next_at timestamptz, online boolean)
WHERE row.profile_id = given.id
"""
ONWARD = ", online_at = CASE WHEN given.online THEN least(row.online_at, now()) ELSE row.online_at END"


def keep(kind: Kind, passed: Sequence[Passed]) -> None:
    """Keep everything that a pass over these rows came to."""
    _give_addresses(passed)
    services.fill_people(_fills(passed), by=BY)
    _judge_addresses(passed)
    _keep_pictures(passed)
    _keep_standing(kind, passed)


def _give_addresses(passed: Sequence[Passed]) -> None:
    """E-mail addresses become profiles of their own; one that belongs to somebody else stays there, and is noted."""
    found = [
        Address(one.row.subject.person_id, email, result.via)
        for one in passed for _, result in one.results for email in result.emails
    ]  # fmt: skip
    if not found:
        return
    _, others = services.add_addresses(found, by=BY)
    for one in passed:
        for step, result in one.results:
            if elsewhere := sorted(others & set(result.emails)):
                one.row.facts[step.name]["elsewhere"] = elsewhere


def _fills(passed: Sequence[Passed]) -> list[Fill]:
    fills = []
    for one in passed:
        for step, result in one.results:
            before = {name: str(one.before.get(step.name, {}).get(name, "")) for name in result.person}
            if dict(result.person) != before:
                fills.append(Fill(one.row.subject.person_id, result.person, before))
    return fills


def _judge_addresses(passed: Sequence[Passed]) -> None:
    """The worst that any step says of an address counts; mails that wait for one that is bad are not sent."""
    verdicts = {
        one.row.subject.pk: worst(one.row.facts)
        for one in passed if any(result.mail is not None for _, result in one.results)
    }  # fmt: skip
    changed = services.mark_addresses(verdicts, by=BY)
    _drop_mail({pk: verdicts[pk][1] for pk in changed if verdicts[pk][0] == MailVerdict.BAD})


def _drop_mail(bad: Mapping[int, str]) -> None:
    """Campaign mail that waits for addresses that take none is cancelled, saying why; whoever answered somebody may still
    write.
    """
    waiting = Task.objects.filter(
        profile_id__in=list(bad), kind=ActionKind.EMAIL, state=TaskState.PENDING, enrolment__isnull=False
    )
    by_reason: dict[str, list[int]] = defaultdict(list)
    for pk, profile_id in waiting.order_by("pk").values_list("pk", "profile_id"):
        by_reason[bad[profile_id]].append(pk)
    for why, ids in by_reason.items():
        tasks.cancel(ids, reason=Reason.NOT_FOUND, by=BY, detail=why)


def worst(facts: dict[str, Any]) -> tuple[str, str]:
    """The gravest judgement of an address, and why. Good is what no step speaks against and one speaks for."""
    said = [tuple(one["mail"]) for one in facts.values() if isinstance(one, dict) and one.get("mail")]
    verdict, note = max(said, key=lambda one: SEVERITY.get(one[0], 0), default=("", ""))
    return str(verdict), str(note)


def _keep_pictures(passed: Sequence[Passed]) -> None:
    pictures = {
        one.row.subject.pk: result.picture
        for one in passed for _, result in one.results if result.picture is not None
    }  # fmt: skip
    if not pictures:
        return
    with transaction.atomic():
        there = Profile.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=pictures)
        rows = [
            Avatar(
                profile_id=pk,
                content=pictures[pk].content,
                mime=pictures[pk].mime,
                size=len(pictures[pk].content),
            )
            for pk in there.order_by("pk").values_list("pk", flat=True)
        ]
        Avatar.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["profile"],
            update_fields=["content", "mime", "size", "fetched_at"],
        )


def _keep_standing(kind: Kind, passed: Sequence[Passed]) -> None:
    """Where every profile stands with every step, and when there is something to do again."""
    now = clock.database_now()
    own = registry.online() if kind is ONLINE else registry.offline()
    onward = () if kind is ONLINE else registry.online()
    known = {step.name for step in registry.steps()}
    ids = [one.row.subject.pk for one in passed]
    rows = [_standing(one, own, any(one.wants(step, now) for step in onward)) for one in passed]
    gone = sorted({name for one in passed for name in one.row.steps if name not in known})
    statement = KEEP.format(deaths=kind.deaths, due=kind.due, onward=ONWARD if onward else "")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [ids])
        # One document, not arrays of many: quoting documents inside an array takes longer than writing them.
        cursor.execute(statement, {"rows": json.dumps(rows), "gone": gone})


def _standing(one: Passed, steps: Sequence[Step], online: bool) -> dict[str, Any]:
    next_at = one.next_try(steps)
    return {
        "id": one.row.subject.pk,
        "steps": one.entries,
        "facts": {name: one.row.facts[name] for name in one.before},
        "revision": one.row.revision,
        "next_at": next_at.isoformat() if next_at else None,
        "online": online,
    }
