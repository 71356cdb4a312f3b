"""What discovery makes of what happens to people: who fits counts for its source and is looked around, who says no is
looked at no more.
"""

from __future__ import annotations

from collections import Counter

from django.db.models import F
from django.db.models.functions import Now

from automation.channels import registry
from automation.discovery import frontier, pages
from automation.discovery.feeding import FEW_COMMENTS, TASK_OF
from automation.discovery.frontier import Look
from automation.enums import LookKind, LookOrigin, OpportunityState, Priority
from automation.models import DiscoveryPlan, FrontierEntry, Opportunity, ProfilePost, Source
from leads.enums import Stage
from leads.models import Profile
from outreach.lib import events
from outreach.lib.events import Event


def connect() -> None:
    """Subscribe; called once when Django starts."""
    events.subscribe("person.stage_changed", on_stage)
    events.subscribe("person.suppressed", on_no)
    for gone in ("person.erased", "person.deleted", "lead.deleted", "contact.deleted"):
        events.subscribe(gone, on_gone)


def on_stage(event: Event) -> None:
    """People fit: their sources are told, and with a plan that expands, who is near them is looked at. Or they do not:
    their posts are not offered.
    """
    if event.data.get("after") == Stage.QUALIFIED:
        _credit(event.ids)
        _look_around(event.ids)
    elif event.data.get("after") == Stage.DISQUALIFIED:
        _withdraw(event.ids, "Its author does not fit")


def _credit(person_ids: tuple[int, ...]) -> None:
    """Each profile counts once, for the source it came from."""
    found = FrontierEntry.objects.filter(
        profile__person__in=person_ids, kind=LookKind.PROFILE, source__isnull=False, counted=False
    )
    by_source = Counter(found.select_for_update(of=("self",)).values_list("source_id", flat=True))
    found.update(counted=True)
    for source_id, fitting in sorted(by_source.items()):
        Source.objects.filter(pk=source_id).update(qualified=F("qualified") + fitting)


def _look_around(person_ids: tuple[int, ...]) -> None:
    growing = DiscoveryPlan.objects.filter(expand=True).values("network")
    profiles = list(Profile.objects.filter(person__in=person_ids, network__in=growing))
    busy = set(
        ProfilePost.objects.filter(profile__in=profiles, comments__gt=FEW_COMMENTS)
        .order_by().values_list("profile_id", flat=True)
    )  # fmt: skip
    asked = set(
        FrontierEntry.objects.filter(profile__in=profiles, kind__in=(LookKind.RELATED, LookKind.COMMENTERS))
        .values_list("profile_id", "kind")
    )  # fmt: skip
    for profile in profiles:
        kinds = [LookKind.RELATED, *([LookKind.COMMENTERS] if profile.pk in busy else [])]
        able = registry.capabilities(profile.network)
        frontier.add(
            [
                Look(
                    network=profile.network, kind=kind, query=profile.handle, origin=LookOrigin.EXPAND,
                    priority=Priority.LOW, account_id=profile.found_by_id, profile_id=profile.pk,
                )
                for kind in kinds if TASK_OF[kind] in able and (profile.pk, kind) not in asked
            ]
        )  # fmt: skip


def on_no(event: Event) -> None:
    """Nothing of theirs is looked at any more, nor offered to be replied to."""
    theirs = FrontierEntry.objects.filter(profile__person__in=event.ids)
    frontier.drop(theirs, "The person said no.")
    _withdraw(event.ids, "The person said no")


def _withdraw(person_ids: tuple[int, ...], why: str) -> None:
    offered = Opportunity.objects.filter(profile__person__in=person_ids, state=OpportunityState.OPEN)
    offered.update(state=OpportunityState.DISMISSED, closed_at=Now(), detail=why)


def on_gone(event: Event) -> None:
    """Rows go with their people; pages that may name them are forgotten too."""
    pages.forget()
