"""Leads the rules left open, waiting for the model: who, since when, and who is being judged right now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from automation.asking import configuration
from automation.enums import Judge
from automation.llm.orders import orders
from automation.llm.purposes.qualification import MOST_POSTS, Words
from automation.models import Decision, OpenLead
from leads.models import Person, Profile
from outreach.lib import queue

JOB = "automation.jobs.judge_open_leads"
HOLD = timedelta(minutes=10)  # longer than any call with its tries; then somebody else may
MOST_TRIES = 3  # answers about a lead that cannot be used, before a person must look
BETWEEN_TRIES = timedelta(minutes=30)


def readable(person: Person) -> list[Profile]:
    """The profiles that say something of themselves; without any there is nothing to judge by."""
    return [one for one in person.profiles.all() if one.bio.strip() or one.recent_posts]


def orders_of(person: Person) -> str:
    """What the words on a person's profiles try with a model, for people; empty when they are like any other's."""
    texts = [(one.bio, one.display_name, *_posts(one)[:MOST_POSTS]) for one in person.profiles.all()]
    return next((why for some in texts for text in some if (why := orders(text))), "")


def words_of(number: int, person: Person) -> Words:
    """What a prompt may hold of a person, as lead ``number``."""
    profiles = readable(person)
    return Words.of(
        number,
        name=profiles[0].display_name if profiles else person.display_name,
        bio=" / ".join(dict.fromkeys(profile.bio for profile in profiles if profile.bio)),
        posts=[post for profile in profiles for post in _posts(profile)],
        language=profiles[0].language if profiles else "",
        followers=max((p.followers_count for p in profiles if p.followers_count is not None), default=None),
    )


def _posts(profile: Profile) -> list[str]:
    return [str(post.get("text", "")) for post in profile.recent_posts if isinstance(post, dict)]


def add(people: Sequence[Person]) -> int:
    """Have these people, with their profiles at hand, wait for the model; returns how many have something to be judged by.

    Who was judged by the same words before waits for nothing: that was paid for.
    """
    known = _judged_words(people)
    new = [one for one in people if readable(one) and words_hash(one) != known.get(one.pk)]
    rows = [OpenLead(person=one, suspicious=bool(orders_of(one))) for one in new]
    if rows:
        OpenLead.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["person"], update_fields=["suspicious"]
        )
        if configuration.is_set_up(configuration.current()):
            queue.enqueue(JOB, dedupe=JOB)
    return len(rows)


def words_hash(person: Person) -> str:
    """Tells whether what a prompt would hold of a person is what it held before."""
    return hashlib.sha256(repr(words_of(0, person).shown()).encode()).hexdigest()[:16]


def _judged_words(people: Sequence[Person]) -> dict[int, str]:
    """What the model read when it last judged each of them."""
    said = Decision.objects.filter(person__in=people, judge=Judge.MODEL).order_by("id")
    return dict(said.values_list("person_id", "words"))


def settle(person_ids: Iterable[int]) -> None:
    """These are judged and wait no longer."""
    OpenLead.objects.filter(person_id__in=list(person_ids)).delete()


def free() -> QuerySet[OpenLead]:
    """Who waits and is not being judged."""
    return OpenLead.objects.filter(Q(held_until__isnull=True) | Q(held_until__lt=Now()), tries__lt=MOST_TRIES)


@transaction.atomic
def take(size: int, *, alone: bool) -> list[OpenLead]:
    """Up to ``size`` of those who wait longest, held for this caller; ``alone``: one of those whose words give orders."""
    rows = list(
        free()
        .filter(suspicious=alone)
        .order_by("since")
        .select_for_update(skip_locked=True)[: 1 if alone else size]
    )
    OpenLead.objects.filter(pk__in=[row.pk for row in rows]).update(held_until=Now() + HOLD)
    return rows


def put_back(person_ids: Iterable[int], *, later: timedelta) -> None:
    """Nothing was learnt of these; they wait on, until ``later`` from now."""
    OpenLead.objects.filter(person_id__in=list(person_ids)).update(held_until=Now() + later)


def count_try(person_ids: Iterable[int]) -> None:
    """An answer about these could not be used; they are asked about again in other company, a few times."""
    OpenLead.objects.filter(person_id__in=list(person_ids)).update(
        tries=F("tries") + 1, held_until=Now() + BETWEEN_TRIES
    )
