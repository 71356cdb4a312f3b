"""Asking the model about what the rules left open: several leads in one prompt, the small model, evidence or nothing.

Leads whose words give orders are asked about one by one, so that they share a prompt with nobody, and what is said of them
waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db.models import Min, QuerySet

from automation.asking import budget, configuration
from automation.asking.gateway import Asked, ask
from automation.discovery.qualification import quotas, waiting
from automation.discovery.qualification.decisions import JUDGED_STAGES, judged_by_people, record, release_held
from automation.enums import FailureKind, Judge, Verdict
from automation.llm.fencing import clean
from automation.llm.purposes.qualification import PURPOSE, Group, Judgement, Material, Verdicts
from automation.models import LlmSettings, OpenLead, TargetGroup
from leads.enums import Lifecycle
from leads.models import Person
from outreach.lib import clock, queue

WORK_SECONDS = 90.0  # of the 300 a job may take: the last call may still take its time
TAIL_WAIT = timedelta(
    minutes=10
)  # until a prompt is not full and goes all the same; hours when the budget is low
SCORE = 75  # of a lead the model finds fit; rules say their own
LATER = timedelta(minutes=15)
LONGEST_REASON = 200  # characters; it was asked for one short sentence
# The model answered, though not so that it helps; the next batch may fare better.
NO_USE = (FailureKind.CUT_OFF, FailureKind.NONSENSE, FailureKind.REFUSAL)


@dataclass(frozen=True, slots=True)
class Round:
    """What one batch came to."""

    judged: int = 0
    unusable: int = 0
    failure: FailureKind | str = ""


def run(*, seconds: float = WORK_SECONDS) -> int:
    """Judge who waits, batch by batch, for about ``seconds``; returns how many were judged. Not inside a transaction."""
    release_held()
    held = configuration.current()
    if not held.judge_leads or not configuration.is_set_up(held):
        return 0
    ends, judged = monotonic() + seconds, 0
    while monotonic() < ends:
        batch = _next(held)
        if not batch:
            return judged
        done = judge(batch, held)
        judged += done.judged
        if done.failure and done.failure not in (
            FailureKind.CUT_OFF,
            FailureKind.NONSENSE,
            FailureKind.REFUSAL,
        ):
            return judged
    queue.enqueue(waiting.JOB, dedupe=waiting.JOB)
    return judged


def _next(held: LlmSettings) -> list[OpenLead]:
    """The next batch, while a group has room; a batch that is not full only when somebody has waited long enough."""
    if not quotas.wanted().exists():
        return []
    if alone := waiting.take(1, alone=True):
        return alone
    ready = waiting.free().filter(suspicious=False)
    if ready.count() < held.judge_batch and not _waited_enough(ready, held):
        return []
    return waiting.take(held.judge_batch, alone=False)


def _waited_enough(ready: QuerySet[OpenLead], held: LlmSettings) -> bool:
    since = ready.aggregate(oldest=Min("since"))["oldest"]
    tier = budget.standing(held).tier
    wait = TAIL_WAIT if tier.above >= 0.5 else timedelta(hours=tier.hours)
    return since is not None and since <= clock.database_now() - wait


def judge(batch: Sequence[OpenLead], held: LlmSettings) -> Round:
    """Ask about one batch and write down what can be used; who cannot be judged now waits on.

    An answer that was cut off is asked for again in halves, down to single leads.
    """
    people = _people(batch)
    waiting.settle({row.person_id for row in batch} - {person.pk for person in people})
    groups = list(quotas.wanted())
    if not people or not groups:
        waiting.put_back([person.pk for person in people], later=LATER)
        return Round()
    material = material_of(people, groups)
    asked = ask(PURPOSE, material, people=[person.pk for person in people], version=held.judge_version)
    if asked.by_model:
        return _take(asked, people, groups, suspicious=batch[0].suspicious)
    if asked.failure == FailureKind.CUT_OFF and len(batch) > 1:
        middle = len(batch) // 2
        parts = judge(batch[:middle], held), judge(batch[middle:], held)
        return Round(
            sum(part.judged for part in parts), sum(part.unusable for part in parts), parts[-1].failure
        )
    _wait_on(asked, dict(enumerate(people, start=1)))
    return Round(unusable=len(people), failure=asked.failure)


def material_of(people: Sequence[Person], groups: Sequence[TargetGroup]) -> Material:
    """What the prompt is made of: leads and groups by their place in it, never by our keys."""
    return Material(
        tuple(waiting.words_of(number, person) for number, person in enumerate(people, start=1)),
        tuple(Group(number, group.name, group.description) for number, group in enumerate(groups, start=1)),
    )


def _people(batch: Sequence[OpenLead]) -> list[Person]:
    """Those of the batch who are still open: nobody judged them, wrote to them or took their words away meanwhile."""
    found = Person.objects.filter(
        pk__in=[row.person_id for row in batch], lifecycle=Lifecycle.LEAD, stage__in=JUDGED_STAGES
    ).prefetch_related("profiles")
    by_hand = judged_by_people(found)
    return [
        person for person in found.order_by("pk") if person.pk not in by_hand and waiting.readable(person)
    ]


def _take(
    asked: Asked[Verdicts], people: Sequence[Person], groups: Sequence[TargetGroup], *, suspicious: bool
) -> Round:
    by_number = dict(enumerate(people, start=1))
    share = asked.usage.total // len(people)
    for number, judgement in asked.answer.usable.items():
        _record(by_number[number], judgement, groups, asked, share, suspicious)
    waiting.settle(by_number[number].pk for number in asked.answer.usable)
    unusable = {number: by_number[number] for number in asked.answer.unusable}
    _give_up_or_wait(asked, unusable)
    return Round(len(asked.answer.usable), len(unusable))


def _record(
    person: Person,
    judgement: Judgement,
    groups: Sequence[TargetGroup],
    asked: Asked[Verdicts],
    share: int,
    suspicious: bool,
) -> None:
    # Looked at again: the words may have changed since the lead began to wait.
    why = waiting.orders_of(person)
    reason = clean(judgement.reason, LONGEST_REASON)
    if why:
        reason = f"Its words look like orders to a model: it {why}. {reason}"
    record(
        person, judge=Judge.MODEL, verdict=Verdict.QUALIFIED if judgement.fit else Verdict.DISQUALIFIED, reason=reason,
        evidence=judgement.evidence, score=SCORE if judgement.fit else 0, suspicious=suspicious or bool(why),
        group=groups[judgement.group - 1] if judgement.fit else None, by=f"model {asked.model}", model=asked.model,
        version=asked.version, tokens=share, call_id=asked.call_id, words=waiting.words_hash(person),
    )  # fmt: skip


def _wait_on(asked: Asked[Verdicts], people: dict[int, Person]) -> None:
    """No answer at all: what passes by itself costs nobody a try."""
    if asked.failure in NO_USE:
        _give_up_or_wait(asked, people)
    else:
        waiting.put_back([person.pk for person in people.values()], later=LATER)


def _give_up_or_wait(asked: Asked[Verdicts], people: dict[int, Person]) -> None:
    """Count an answer that could not be used; who had too many of them is left to a person, with the reason on record."""
    keys = [person.pk for person in people.values()]
    waiting.count_try(keys)
    spent = OpenLead.objects.filter(person_id__in=keys, tries__gte=waiting.MOST_TRIES)
    tried = set(spent.values_list("person_id", flat=True))
    for number, person in people.items():
        if person.pk in tried:
            why = asked.detail or asked.answer.unusable.get(number) or "No answer about it could be used."
            record(
                person, judge=Judge.MODEL, verdict=Verdict.OPEN, reason=f"A person decides: {why}", model=asked.model,
                version=asked.version, call_id=asked.call_id, suspicious=bool(waiting.orders_of(person)),
                words=waiting.words_hash(person),
            )  # fmt: skip
    waiting.settle(tried)
