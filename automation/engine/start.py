"""From claimed to started: the last moment at which a no can stop an act, and the point after which it may have happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from automation.engine import attempts, failpoints, outcomes
from automation.enums import AttemptState, Reason, TaskState
from automation.models import Attempt, Task
from leads.models import Person

if TYPE_CHECKING:
    from automation.engine.claim import Claim


def write_attempts(claims: Sequence[Claim], *, worker: str, deadline: datetime, started: bool) -> None:
    """Write one attempt a claim and mark the tasks running, in the claim's transaction."""
    attempts = Attempt.objects.bulk_create(
        Attempt(
            task_id=claim.task_id,
            number=claim.number,
            state=AttemptState.STARTED if started else AttemptState.CLAIMED,
            deadline=deadline,
            worker=worker,
            allowances=list(claim.allowances),
            started_at=Now() if started else None,
        )
        for claim in claims
    )
    for claim, attempt in zip(claims, attempts, strict=True):
        claim.attempt_id = attempt.pk
    Task.objects.filter(id__in=[claim.task_id for claim in claims]).update(
        state=TaskState.RUNNING, attempt_count=F("attempt_count") + 1, reason=Reason.READY, detail=""
    )


def consenting(claims: Sequence[Claim]) -> list[Claim]:
    """The claims whose person has not said no, with each person's row locked against it until this commits.

    The others' attempts are given up and their tasks cancelled. An opt-out takes the same row lock, so it either
    commits before and is seen here, or waits until the start has committed.
    """
    touched = {claim.person_id for claim in claims if claim.person_id}
    if not touched:
        return list(claims)
    consent = set(_lock_consent(sorted(touched)))
    said_no = [claim for claim in claims if claim.person_id and claim.person_id not in consent]
    if said_no:
        attempts.abandon([claim.attempt_id for claim in said_no])
        outcomes.cancelled([claim.task_id for claim in said_no], reason=Reason.SUPPRESSED)
    return [claim for claim in claims if not claim.person_id or claim.person_id in consent]


def _lock_consent(person_ids: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {Person._meta.db_table} WHERE id = ANY(%s) AND suppressed_at IS NULL ORDER BY id FOR SHARE",  # noqa: S608
            [list(person_ids)],
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def begin(claim: Claim, *, seconds: float) -> bool:
    """Start one claimed attempt, with ``seconds`` for its call; false when it may not start any more.

    It may not when its deadline has passed (somebody else has it by now), it was cancelled, or the person said no.
    """
    if not consenting([claim]):
        return False
    failpoints.reach("before_start")
    now = Now()
    return bool(
        Attempt.objects.filter(pk=claim.attempt_id, state=AttemptState.CLAIMED, deadline__gt=now).update(
            state=AttemptState.STARTED, started_at=now, deadline=now + timedelta(seconds=seconds)
        )
    )
