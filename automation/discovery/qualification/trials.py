"""Prompts and models compared on the same leads: those that people have labelled. A trial changes nothing about a lead."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from django.db.models import Exists, OuterRef, QuerySet

from automation.asking import configuration
from automation.asking.gateway import Asked, ask
from automation.discovery.qualification import waiting
from automation.discovery.qualification.judging import LONGEST_REASON, material_of
from automation.enums import Judge, ModelSize, Verdict
from automation.llm.fencing import clean
from automation.llm.purposes.qualification import PURPOSE, Verdicts
from automation.models import Decision, PromptTrial, TargetGroup
from leads.models import Person
from outreach.lib import events, queue
from outreach.lib.actors import Actor

JOB = "automation.jobs.try_prompt"
MOST_LEADS = 200  # labelled leads of one comparison, the newest
WORK_SECONDS = 150.0


def start(*, version: str, size: str, by: Actor) -> int:
    """Have a version tried on the labelled leads in the background; returns how many it has not judged yet.

    Effects: ``prompt.tried``; it costs what judging as many leads costs. Raises :class:`ValueError` when there is nothing to try.
    """
    held = configuration.current()
    if version not in PURPOSE.versions:
        raise ValueError(f"There is no prompt {version}. Known: {', '.join(PURPOSE.versions)}.")
    if not configuration.is_set_up(held):
        raise ValueError("No model is set up. Name an endpoint and models under Language model first.")
    if not TargetGroup.objects.filter(active=True).exists():
        raise ValueError("There is no target group to judge by. Describe one first.")
    model = configuration.model_of(held, ModelSize(size))
    open_leads = untried(version, model).count()
    if not open_leads:
        raise ValueError(
            f"Prompt {version} has judged all labelled leads with {model}. Label more leads to learn more."
        )
    queue.enqueue(JOB, version, size, dedupe=f"{JOB}:{version}:{size}")
    events.emit("prompt.tried", by=by, version=version, llm=model, leads=open_leads)
    return min(open_leads, MOST_LEADS)


def untried(version: str, model: str) -> QuerySet[Person]:
    """Labelled leads this version has not judged with this model, the last labelled first."""
    labels = Decision.objects.filter(person=OuterRef("pk"), judge=Judge.PERSON).exclude(verdict=Verdict.OPEN)
    tried = PromptTrial.objects.filter(person=OuterRef("pk"), version=version, model=model)
    return Person.objects.filter(Exists(labels), ~Exists(tried)).order_by("-pk")


def run(*, version: str, size: str, seconds: float = WORK_SECONDS) -> int:
    """Try a version on labelled leads, batch by batch; returns how many it judged. Not inside a transaction."""
    held = configuration.current()
    model, ends, judged = configuration.model_of(held, ModelSize(size)), monotonic() + seconds, 0
    groups = list(TargetGroup.objects.filter(active=True).order_by("id"))
    chosen = list(untried(version, model).prefetch_related("profiles")[:MOST_LEADS])
    people = [person for person in chosen if waiting.readable(person)]
    # Those whose words give orders share a prompt with nobody, here as when it counts.
    alone = [person for person in people if waiting.orders_of(person)]
    together = [person for person in people if person not in alone]
    batches = [together[n : n + held.judge_batch] for n in range(0, len(together), held.judge_batch)]
    for batch in (*batches, *([one] for one in alone)):
        if not groups or monotonic() > ends:
            break
        people_ids = [person.pk for person in batch]
        asked = ask(
            PURPOSE, material_of(batch, groups), people=people_ids, version=version, size=ModelSize(size)
        )
        judged += _keep(asked, batch, size)
        if asked.transient:
            break
    return judged


def _keep(asked: Asked[Verdicts], batch: Sequence[Person], size: str) -> int:
    """Write down what it said; an answer that could not be used is a lead it left open."""
    if asked.transient or asked.failure in ("no_model", "key", "request"):
        return 0
    share = asked.usage.total // len(batch)
    rows = []
    for number, person in enumerate(batch, start=1):
        said = asked.answer.usable.get(number)
        verdict = Verdict.OPEN if said is None else Verdict.QUALIFIED if said.fit else Verdict.DISQUALIFIED
        reason = (
            clean(said.reason, LONGEST_REASON)
            if said
            else asked.detail or asked.answer.unusable.get(number, "")
        )
        rows.append(
            PromptTrial(
                person=person,
                version=asked.version,
                model=asked.model,
                size=size,
                verdict=verdict,
                reason=reason[:500],
                evidence=said.evidence[:500] if said else "",
                tokens=share,
                call_id=asked.call_id,
            )
        )
    return len(PromptTrial.objects.bulk_create(rows, ignore_conflicts=True))
