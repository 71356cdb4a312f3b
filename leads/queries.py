"""Questions about people that several faces ask."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from leads.addresses import EMAIL, normalise
from leads.models import Person, Profile
from outreach.lib.admin.pagination import planned_rows

COMMON = 20_000  # people whom a word fits, by the planner's estimate


def search_people(text: str, people: QuerySet[Person] | None = None) -> QuerySet[Person]:
    """People whose name, company or one handle contains every word of ``text``, newest first.

    A word that is a whole e-mail address finds its owner in any spelling. Nothing is joined, so nobody comes twice and
    lists stay ordered by key. A rare word is looked up in trigram indexes; where a word is common, looking all of it up
    would take seconds, while walking the list finds a page of it at once.
    """
    found = Person.objects.all() if people is None else people
    for word in text.replace("\0", "").split():
        named = Q(display_name__icontains=word) | Q(company__icontains=word)
        handled = Profile.objects.filter(_handle_matches(word)).order_by()
        # One OR over both tables could use no index; a union of two indexed lookups does.
        looked_up = Person.objects.filter(named).order_by().values("pk").union(handled.values("person_id"))
        if planned_rows(looked_up) > COMMON:
            found = found.filter(named | Exists(handled.filter(person_id=OuterRef("pk"))))
        else:
            found = found.filter(pk__in=looked_up)
    return found


def with_profiles(people: QuerySet[Person]) -> QuerySet[Person]:
    """These people with ``profiles`` (without their wide columns) and ``tags``: two more queries, whatever
    the number.
    """
    slim = Profile.objects.defer("bio", "recent_posts").order_by("network", "handle")
    return people.prefetch_related(Prefetch("profiles", slim), "tags")


def _handle_matches(word: str) -> Q:
    try:
        return Q(network=EMAIL, handle=normalise(EMAIL, word)) | Q(handle__icontains=word)
    except ValueError:
        return Q(handle__icontains=word.removeprefix("@") or word)
