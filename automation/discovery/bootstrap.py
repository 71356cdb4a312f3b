"""From nothing to a first few hundred leads: sources and rules from the network's seeds, and how far they have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Account
from automation.discovery import budgets, seeds, sources
from automation.discovery.seeds import Niche
from automation.enums import LookState, SourceKind, Verdict
from automation.models import FrontierEntry, QualificationRule, Source
from leads.enums import Stage
from leads.models import Person, Profile
from outreach.lib import events
from outreach.lib.actors import Actor

FEWEST_POSTS = 2  # of whoever fits by what they mention


class NotPossible(Exception):
    """There is nothing to begin with; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a bootstrap made: the sources it reads, and the names of the rules that were not there before."""

    sources: tuple[Source, ...]
    new_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far discovery on a network has come."""

    profiles: int  # read from the network
    qualified: int
    waiting: int
    being_read: int
    sources_open: int
    looks_left: int  # of today's plan

    @property
    def at_rest(self) -> bool:
        """Nothing more is read today: nothing waits, or the day's plan is used up."""
        return not self.being_read and not (self.waiting and self.looks_left)


@transaction.atomic
def begin(
    *, network: str, by: Actor, niches: Sequence[str] = (), accounts: Sequence[Account] = (), max_pages: int = 10,
    expand: bool = True,
) -> Begun:  # fmt: skip
    """Write sources and a rule for each niche (all there are, unless some are named) and read them from the beginning.

    Sources are dealt to the accounts in turn. Asked again it reads the same sources again; what was seen within the hour
    is not fetched. With ``expand`` the network's plan lets discovery grow around whoever fits. Raises
    :class:`NotPossible`, and :class:`django.core.exceptions.ValidationError` where the network cannot be searched.
    """
    chosen = _chosen(network, niches)
    readers = list(accounts) or list(Account.objects.working().filter(network=network).order_by("pk"))
    if not readers:
        raise NotPossible(
            f"No account on {network} works yet. Connect one in the admin (Accounts, Connect account) or from a list: "
            "manage.py onboard accounts.csv"
        )
    new_rules = tuple(
        filter(None, (_rule_against(network, by), *(_rule(network, one, by) for one in chosen)))
    )
    written = _sources(network, chosen, readers, max_pages, by)
    if expand:
        plan = budgets.plan_of(network)
        plan.expand = True
        budgets.save_plan(plan, by=by)
    for source in written:
        sources.run_source(source=source, by=by)
    return Begun(tuple(written), new_rules)


def _chosen(network: str, names: Sequence[str]) -> list[Niche]:
    known = seeds.niches(network)
    if not known:
        raise NotPossible(
            f"There are no seeds for {network}. Add a source in the admin instead (Sources, Add source)."
        )
    if unknown := sorted(set(names) - set(known)):
        raise NotPossible(f"{network} has no niche {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names or known)]


def _rule(network: str, niche: Niche, by: Actor) -> str:
    """Who posts of the niche fits; who only names it and shows nothing is left open."""
    wanted = {"keywords": list(niche.keywords), "min_posts": FEWEST_POSTS, "position": 90, "score": 60}
    return _written(f"Seed: {niche.name} ({network})", network, wanted, by)


def _rule_against(network: str, by: Actor) -> str:
    """Who sells does not fit, whatever their niche: read before the niches' rules."""
    if not (words := seeds.unfit(network)):
        return ""
    wanted = {"keywords": list(words), "verdict": Verdict.DISQUALIFIED, "position": 80, "score": 5}
    return _written(f"Seed: sellers ({network})", network, wanted, by)


def _written(name: str, network: str, wanted: dict[str, Any], by: Actor) -> str:
    """The rule's name if it is new; one that staff have changed since is left as it is."""
    name = name[:64]
    rule, is_new = QualificationRule.objects.get_or_create(name=name, defaults={"network": network, **wanted})
    if is_new:
        events.emit("qualificationrule.created", model="automation.qualificationrule", ids=[rule.pk], by=by)
    return name if is_new else ""


def _sources(
    network: str, niches: Sequence[Niche], readers: Sequence[Account], max_pages: int, by: Actor
) -> list[Source]:
    known = {
        one.query: one
        for one in Source.objects.filter(network=network, kind=SourceKind.SEARCH).order_by("-pk")
    }
    found: list[Source] = []
    for query in dict.fromkeys(query for niche in niches for query in niche.searches):
        source = known.get(query) or sources.add_source(
            kind=SourceKind.SEARCH, network=network, query=query, account=readers[len(found) % len(readers)],
            max_pages=max_pages, by=by,
        )  # fmt: skip
        found.append(source)
    return found


def standing(network: str) -> Standing:
    """How far discovery on a network has come: six counts."""
    entries = FrontierEntry.objects.filter(network=network)
    people = Person.objects.filter(profiles__network=network)
    open_sources = entries.open().filter(source__isnull=False).order_by().values("source").distinct()
    return Standing(
        profiles=Profile.objects.filter(network=network, fetched_at__isnull=False).count(),
        qualified=people.filter(stage=Stage.QUALIFIED).distinct().count(),
        waiting=entries.filter(state=LookState.WAITING).count(),
        being_read=entries.filter(state=LookState.QUEUED).count(),
        sources_open=open_sources.count(),
        looks_left=budgets.room_today(network),
    )
