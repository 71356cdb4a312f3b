"""A judgement on a lead, written down, and what it does: the only place where qualification moves a lead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from automation.discovery.qualification import quotas
from automation.enums import Judge, Verdict
from automation.models import Decision, OpenLead, TargetGroup
from leads.enums import Stage
from leads.models import Person
from leads.services import set_stage
from outreach.lib import events
from outreach.lib.actors import Actor, as_user

STAGE_OF = {Verdict.QUALIFIED: Stage.QUALIFIED, Verdict.DISQUALIFIED: Stage.DISQUALIFIED}
OPPOSITE = {Verdict.QUALIFIED: Verdict.DISQUALIFIED, Verdict.DISQUALIFIED: Verdict.QUALIFIED}
# Later stages are facts, no longer judgements.
JUDGED_STAGES = (Stage.NEW, Stage.QUALIFIED, Stage.DISQUALIFIED)


def judged_by_people(people: Iterable[Person]) -> set[int]:
    """Those of them a person has judged; neither rules nor models overrule that."""
    found = Decision.objects.filter(person__in=list(people), judge=Judge.PERSON)
    return set(found.values_list("person_id", flat=True))


@transaction.atomic
def record(
    person: Person,
    *,
    judge: Judge,
    verdict: Verdict,
    reason: str,
    evidence: str = "",
    score: int | None = None,
    group: TargetGroup | None = None,
    suspicious: bool = False,
    by: Actor = None,
    **origin: Any,
) -> Decision:
    """Write down what rules or a model said; ``origin`` is the rule, or model, version, tokens and call.

    Effects: the lead moves to the verdict's stage, unless its words give orders (``suspicious``: a person decides) or the
    group's quota of the day is used up (``held``: it moves when there is room).
    """
    held = verdict == Verdict.QUALIFIED and not suspicious and not quotas.take(group)
    decision = Decision.objects.create(
        person=person, judge=judge, verdict=verdict, reason=reason[:500], evidence=evidence[:500], score=score, group=group,
        suspicious=suspicious, held=held, **origin,
    )  # fmt: skip
    if not suspicious and not held:
        _move(person, verdict, reason, score, by)
    return decision


@transaction.atomic
def decide(*, person: Person, verdict: str, reason: str, by: Actor) -> Decision:
    """A person's own judgement, and the label that rules and models are held to; they no longer overrule it.

    Effects: the lead moves to the verdict's stage and waits for no model; ``lead.decided``.
    """
    decision = Decision.objects.create(
        person=person, judge=Judge.PERSON, verdict=verdict, reason=reason[:500], decided_by=as_user(by)
    )
    OpenLead.objects.filter(person=person).delete()
    Decision.objects.filter(person=person, held=True).update(held=False)
    _move(person, Verdict(verdict), reason, None, by)
    events.emit("lead.decided", model="leads.person", ids=[person.pk], by=by, verdict=verdict)
    return decision


def label(decision: Decision, *, right: bool, by: Actor) -> Decision:
    """Say whether a judgement was right; the person's own decision follows from it, see :func:`decide`.

    Raises :class:`ValueError` for one that left the lead open.
    """
    verdict = Verdict(decision.verdict)
    if verdict == Verdict.OPEN:
        raise ValueError("This judgement left the lead open: judge the lead itself instead.")
    said = "Right" if right else "Wrong"
    chosen = verdict if right else OPPOSITE[verdict]
    return decide(person=decision.person, verdict=chosen, reason=f"{said}: {decision.reason}", by=by)


@transaction.atomic
def release_held(limit: int = 500) -> int:
    """Have qualified leads move on whose group has room again, the oldest first; returns how many."""
    moved = 0
    for decision in (
        Decision.objects.filter(held=True).select_related("person", "group").order_by("id")[:limit]
    ):
        if not quotas.take(decision.group):
            continue
        Decision.objects.filter(pk=decision.pk).update(held=False)
        _move(decision.person, Verdict(decision.verdict), decision.reason, decision.score, "qualification")
        moved += 1
    return moved


def _move(person: Person, verdict: Verdict, reason: str, score: int | None, by: Actor) -> None:
    stage = STAGE_OF.get(verdict)
    if stage is None:
        return
    if score is not None and person.score != score:
        person.score = score
        person.save(update_fields=["score", "updated_at"])
    if person.stage in JUDGED_STAGES:
        set_stage(person, stage, reason=reason[:500], by=by)
