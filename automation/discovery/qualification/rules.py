"""Judging leads by rules, with a reason a person can check and the words it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from automation.discovery.qualification import quotas, waiting
from automation.discovery.qualification.decisions import JUDGED_STAGES, judged_by_people, record
from automation.enums import Judge, Verdict
from automation.models import QualificationRule
from leads.enums import Lifecycle
from leads.models import Person, Profile
from outreach.lib.actors import Actor


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
    """Judge these people by the active rules, the first that matches deciding; what no rule matches waits for the model.

    People who have been written to, or judged by a person, keep their stage.
    """
    people = list(
        Person.objects.filter(pk__in=list(person_ids), lifecycle=Lifecycle.LEAD, stage__in=JUDGED_STAGES)
        .prefetch_related("profiles").order_by("pk")
    )  # fmt: skip
    by_hand = judged_by_people(people)
    rules = list(QualificationRule.objects.filter(active=True).select_related("group"))
    if any(rule.group_id for rule in rules):
        quotas.hold()
    verdicts = {person: _judge(person, rules, by) for person in people if person.pk not in by_hand}
    waiting.settle([person.pk for person, verdict in verdicts.items() if verdict != Verdict.OPEN])
    waiting.add([person for person, verdict in verdicts.items() if verdict == Verdict.OPEN])
    counts = dict.fromkeys(Verdict, 0)
    for verdict in verdicts.values():
        counts[verdict] += 1
    return Judged(counts[Verdict.QUALIFIED], counts[Verdict.DISQUALIFIED], counts[Verdict.OPEN])


def _judge(person: Person, rules: Sequence[QualificationRule], by: Actor) -> Verdict:
    for rule in rules:
        for profile in person.profiles.all():
            finding = match(rule, profile)
            if finding is not None:
                _record(person, finding, rule, by)
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


def _record(person: Person, finding: Finding, rule: QualificationRule, by: Actor) -> None:
    last = person.decisions.order_by("-id").first()
    if last and (last.verdict, last.rule_id, last.evidence) == (
        rule.verdict,
        rule.pk,
        finding.evidence[:500],
    ):
        return
    record(
        person, judge=Judge.RULES, verdict=Verdict(rule.verdict), reason=finding.reason, evidence=finding.evidence,
        score=rule.score, rule=rule, group=rule.group, suspicious=bool(waiting.orders_of(person)), by=by,
    )  # fmt: skip
