"""Judging leads by rules, with a reason a person can check and the words it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from automation.enums import Verdict
from automation.models import Decision, QualificationRule
from leads.enums import Lifecycle, Stage
from leads.models import Person, Profile
from leads.services import set_stage
from outreach.lib import events
from outreach.lib.actors import Actor, as_user

STAGE_OF = {Verdict.QUALIFIED: Stage.QUALIFIED, Verdict.DISQUALIFIED: Stage.DISQUALIFIED}
JUDGED_STAGES = (
    Stage.NEW,
    Stage.QUALIFIED,
    Stage.DISQUALIFIED,
)  # later stages are facts, no longer judgements


@dataclass(frozen=True, slots=True)
class Judged:
    """How many people came out how."""

    qualified: int = 0
    disqualified: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a rule matched a profile."""

    reason: str
    evidence: str = ""


@transaction.atomic
def qualify(person_ids: Iterable[int], *, by: Actor) -> Judged:
    """Judge these people by the active rules, the first that matches deciding; what no rule matches stays open.

    People who have been written to, or judged by a person, keep their stage.
    """
    people = list(
        Person.objects.filter(pk__in=list(person_ids), lifecycle=Lifecycle.LEAD, stage__in=JUDGED_STAGES)
        .prefetch_related("profiles").order_by("pk")
    )  # fmt: skip
    by_hand = set(
        Decision.objects.filter(person__in=people, decided_by__isnull=False).values_list(
            "person_id", flat=True
        )
    )
    rules = list(QualificationRule.objects.filter(active=True))
    counts = dict.fromkeys(Verdict, 0)
    for person in people:
        if person.pk not in by_hand:
            counts[_judge(person, rules, by)] += 1
    return Judged(counts[Verdict.QUALIFIED], counts[Verdict.DISQUALIFIED], counts[Verdict.OPEN])


def _judge(person: Person, rules: Sequence[QualificationRule], by: Actor) -> Verdict:
    for rule in rules:
        for profile in person.profiles.all():
            finding = match(rule, profile)
            if finding is not None:
                _record(person, Verdict(rule.verdict), finding, rule, by)
                return Verdict(rule.verdict)
    return Verdict.OPEN


def match(rule: QualificationRule, profile: Profile) -> Finding | None:
    """Why the rule matches this profile, or ``None`` when it does not: every condition it names must hold."""
    if rule.network and rule.network != profile.network:
        return None
    evidence = ""
    if rule.keywords:
        evidence = _quote(rule.keywords, profile)
        if not evidence:
            return None
    if rule.languages and profile.language not in rule.languages:
        return None
    bounds = (
        (rule.min_followers, profile.followers_count, 1),
        (rule.max_followers, profile.followers_count, -1),
        (rule.min_posts, profile.posts_count, 1),
    )
    for bound, value, sign in bounds:
        if bound is not None and (value is None or (value - bound) * sign < 0):
            return None
    return Finding(reason=f"Rule “{rule.name}”: {describe(rule)}", evidence=evidence)


def describe(rule: QualificationRule) -> str:
    """The rule's conditions in words."""
    parts = [
        f"mentions {' or '.join(rule.keywords)}" if rule.keywords else "",
        f"writes {' or '.join(rule.languages)}" if rule.languages else "",
        f"at least {rule.min_followers} followers" if rule.min_followers is not None else "",
        f"at most {rule.max_followers} followers" if rule.max_followers is not None else "",
        f"at least {rule.min_posts} posts" if rule.min_posts is not None else "",
    ]
    return ", ".join(filter(None, parts)) or "everybody"


def _quote(keywords: Sequence[str], profile: Profile) -> str:
    """The words around the first keyword found in name, bio or recent posts; empty when none is."""
    texts = [profile.display_name, profile.bio, *(str(post.get("text", "")) for post in profile.recent_posts)]
    for text in texts:
        for keyword in keywords:
            found = re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", text, re.IGNORECASE)
            if found:
                return text[max(0, found.start() - 60) : found.end() + 60].strip()
    return ""


def _record(person: Person, verdict: Verdict, finding: Finding, rule: QualificationRule, by: Actor) -> None:
    last = person.decisions.order_by("-id").first()
    if last and (last.verdict, last.rule_id, last.evidence) == (verdict, rule.pk, finding.evidence):
        return
    Decision.objects.create(
        person=person,
        verdict=verdict,
        rule=rule,
        reason=finding.reason[:500],
        evidence=finding.evidence[:500],
        score=rule.score,
    )
    _set_stage(person, verdict, finding.reason, rule.score, by)


def decide(*, person: Person, verdict: str, reason: str, by: Actor) -> Decision:
    """A person's own judgement; rules no longer overrule it."""
    decision = Decision.objects.create(
        person=person,
        verdict=verdict,
        reason=reason[:500],
        decided_by=as_user(by),
    )
    _set_stage(person, Verdict(verdict), reason, None, by)
    events.emit("lead.decided", model="leads.person", ids=[person.pk], by=by, verdict=verdict)
    return decision


def _set_stage(person: Person, verdict: Verdict, reason: str, score: int | None, by: Actor) -> None:
    stage = STAGE_OF.get(verdict)
    if stage is None:
        return
    if score is not None and person.score != score:
        person.score = score
        person.save(update_fields=["score", "updated_at"])
    if person.stage in JUDGED_STAGES:
        set_stage(person, stage, reason=reason[:500], by=by)
