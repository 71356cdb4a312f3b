"""Posts of the last day that one could reply to: noted when their author is read, kept as a pool, replied to by people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Now

from accounts.enums import WORKING_STATUSES, ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.content.fitting import check_text
from automation.engine import effects, tasks
from automation.engine.tasks import NewTask
from automation.enums import OpportunityState, Priority, SourceKind, TaskState, Verdict
from automation.models import DiscoveryPlan, Opportunity, ProfilePost, QualificationRule, Source, Task
from leads.enums import Stage
from leads.models import Person, Profile
from outreach.lib import clock, events
from outreach.lib.actors import Actor

FRESH = timedelta(hours=24)
OVERFULL = 1.2  # times what is wanted: then the least promising go
UNWANTED = (Stage.DISQUALIFIED,)
KNOWN_TO_FIT = (Stage.QUALIFIED, Stage.CONTACTED, Stage.REPLIED)


def notice(profile: Profile, plan: DiscoveryPlan) -> int:
    """Note the posts of a profile just read that are fresh and on topic; returns how many. Nothing where none are wanted,
    for people who said no or do not fit, and for posts we replied to.
    """
    if not plan.opportunities_wanted or ActionKind.REPLY not in registry.capabilities(profile.network):
        return 0
    now = clock.database_now()
    fresh = list(
        ProfilePost.objects.filter(
            profile=profile, posted_at__gt=now - FRESH, posted_at__lte=now, opportunity=None
        )
    )
    person = Person.objects.only("stage", "suppressed_at").get(pk=profile.person_id)
    if not fresh or person.suppressed_at is not None or person.stage in UNWANTED:
        return 0
    answered = set(
        Task.objects.filter(kind=ActionKind.REPLY, profile=profile).values_list("payload__post_id", flat=True)
    )
    words = topics(profile.network)
    found = [
        _opportunity(profile, person, post, about, now)
        for post in fresh
        if post.remote_id not in answered and (about := mentioned(words, post.text))
    ]
    Opportunity.objects.bulk_create(found, ignore_conflicts=True)
    return len(found)


def topics(network: str) -> list[str]:
    """What we look for on a network: the words of its rules that qualify, and of its searches."""
    rules = QualificationRule.objects.filter(
        active=True, verdict=Verdict.QUALIFIED, network__in=("", network)
    )
    words = {word for keywords in rules.values_list("keywords", flat=True) for word in keywords}
    searches = Source.objects.filter(network=network, kind=SourceKind.SEARCH, active=True)
    words |= set(searches.values_list("query", flat=True))
    return sorted({word.strip().lstrip("#").casefold() for word in words} - {""})


def mentioned(words: Iterable[str], text: str) -> list[str]:
    """Those of the words that stand in a text, as words of their own or as hashtags."""
    folded = text.casefold()
    return [word[:64] for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded)]


def _opportunity(
    profile: Profile, person: Person, post: ProfilePost, about: list[str], now: datetime
) -> Opportunity:
    posted_at = post.posted_at or now
    return Opportunity(
        post=post, profile=profile, network=profile.network, topics=about[:10], expires_at=posted_at + FRESH,
        score=_score(person, post, len(about), (now - posted_at) / FRESH),
    )  # fmt: skip


def _score(person: Person, post: ProfilePost, topics: int, age: float) -> int:
    """How promising, 0 to 100: fresh, by somebody who fits, on several topics, not drowned in comments. ``age``: 0 to 1."""
    fits = 30 if person.stage in KNOWN_TO_FIT else 0
    crowd = max(0, 10 - (post.comments or 0))
    return round(40 * (1 - age)) + fits + min(20, 10 * topics) + crowd


def pool(network: str) -> QuerySet[Opportunity]:
    """What could be replied to now."""
    return Opportunity.objects.filter(network=network, state=OpportunityState.OPEN, expires_at__gt=Now())


def at_hand() -> dict[str, int]:
    """How many could be replied to now, by network; none where there are none."""
    still = Opportunity.objects.filter(state=OpportunityState.OPEN, expires_at__gt=Now()).order_by()
    return dict(still.values_list("network").annotate(posts=Count("pk")))


@transaction.atomic
def tidy(plan: DiscoveryPlan) -> int:
    """Close what has become too old, and the least promising of more than is wanted; returns how many were closed."""
    old = Opportunity.objects.filter(network=plan.network, state=OpportunityState.OPEN, expires_at__lte=Now())
    closed = old.update(state=OpportunityState.EXPIRED, closed_at=Now())
    most = int(plan.opportunities_wanted * OVERFULL)
    beyond = list(
        pool(plan.network).order_by("-score", "-id").values_list("pk", flat=True)[most : most + 1000]
    )
    rest = Opportunity.objects.filter(pk__in=beyond, state=OpportunityState.OPEN)
    closed += rest.update(state=OpportunityState.EXPIRED, closed_at=Now(), detail="More than are wanted")
    return closed


@transaction.atomic
def reply(*, opportunity: Opportunity, account: Account, text: str, by: Actor) -> Task:
    """Reply to the post, by ``account``: a task ahead of campaigns, under the same limits, once.

    Effects: the opportunity is taken; ``opportunity.taken``. Raises :class:`ValidationError` for an empty or too long
    text, an account that cannot, a person who said no, and :class:`ValueError` when it is no longer open.
    """
    text = text.strip()
    _check(account, opportunity, text)
    locked = Opportunity.objects.select_for_update(of=("self",)).select_related("profile__person", "post")
    row = locked.get(pk=opportunity.pk)
    if row.profile.person.suppressed_at is not None:
        raise ValidationError("This person said no: nothing can be sent to them.")
    if row.state != OpportunityState.OPEN or row.expires_at <= clock.database_now():
        raise ValueError(f"It is no longer open: {row.get_state_display().lower()}.")
    task = tasks.add(
        NewTask(
            account_id=account.pk, kind=ActionKind.REPLY, profile=row.profile, priority=Priority.HIGH,
            dedupe_key=f"opportunity:{row.pk}",
            payload={"text": text, "post_id": row.post.remote_id, "opportunity": row.pk},
        )
    )  # fmt: skip
    _close(row, OpportunityState.TAKEN, task_id=task.pk)
    events.emit("opportunity.taken", model="automation.opportunity", ids=[row.pk], by=by, task=task.pk)
    return task


def _check(account: Account, opportunity: Opportunity, text: str) -> None:
    if not text:
        raise ValidationError({"text": "Write something first."})
    if account.network != opportunity.network:
        raise ValidationError({"account": f"{account} is not on {opportunity.network}."})
    if ActionKind.REPLY not in registry.capabilities(account.network):
        raise ValidationError({"account": f"{account.network} takes no replies."})
    if account.status not in WORKING_STATUSES:
        raise ValidationError({"account": f"{account} does not work at the moment. Resume it first."})
    check_text(text, account)


def _close(
    row: Opportunity, state: OpportunityState, *, task_id: int | None = None, detail: str = ""
) -> None:
    Opportunity.objects.filter(pk=row.pk).update(
        state=state, closed_at=Now(), task_id=task_id or row.task_id, detail=detail[:255]
    )


@transaction.atomic
def dismiss(ids: Sequence[int], *, by: Actor) -> int:
    """Nobody will reply to these; they are not offered again. Returns how many were open. ``opportunity.dismissed``."""
    chosen = Opportunity.objects.filter(pk__in=ids, state=OpportunityState.OPEN)
    dismissed = list(chosen.select_for_update().values_list("pk", flat=True))
    if dismissed:
        Opportunity.objects.filter(pk__in=dismissed).update(state=OpportunityState.DISMISSED, closed_at=Now())
        events.emit("opportunity.dismissed", model="automation.opportunity", ids=dismissed, by=by)
    return len(dismissed)


@effects.on_completed(ActionKind.REPLY)
def replied(task: Task, result: object) -> None:
    """The reply stands below the post."""
    row = Opportunity.objects.filter(pk=task.payload.get("opportunity", 0)).first()
    if row is not None:
        _close(row, OpportunityState.REPLIED)


@effects.on_ended(ActionKind.REPLY)
def not_replied(task: Task) -> None:
    """It will not be sent; an unclear one stays taken until somebody knows."""
    row = Opportunity.objects.filter(pk=task.payload.get("opportunity", 0)).first()
    if row is not None and task.state != TaskState.UNKNOWN:
        detail = f"{task.get_reason_display()}: {task.detail}".rstrip(": ")
        _close(row, OpportunityState.FAILED, detail=detail)
