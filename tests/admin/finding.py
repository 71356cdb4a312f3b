"""Rows of what discovery shows in the admin; ``text`` stands in every field that people or networks fill."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from django.db.models import Model
from django.utils import timezone

from automation.enums import LookState
from automation.models import DiscoveryPlan, FrontierEntry, Opportunity, QualificationRule, Source
from tests.factories import make_account, make_look, make_opportunity, make_profile, make_task

numbers = count(1)


def a_source(text: str = "") -> Source:
    return Source.objects.create(
        kind="search", network="sandbox", query=f"{next(numbers)} {text}", account=make_account()
    )


def a_look(text: str = "") -> FrontierEntry:
    source = a_source(text)
    return make_look(
        query=f"{next(numbers)} {text}", account=source.account, source=source, profile=make_profile(), task=make_task(),
        state=LookState.DROPPED, detail=text, finished_at=timezone.now(),
    )  # fmt: skip


def an_opportunity(text: str = "") -> Opportunity:
    return make_opportunity(text or "Tea?", topics=[text[:64] or "tea"], detail=text)


def a_plan(text: str = "") -> DiscoveryPlan:
    return DiscoveryPlan.objects.create(network=f"{next(numbers)}{text}"[:32])


def a_rule(text: str = "") -> QualificationRule:
    return QualificationRule.objects.create(name=f"{next(numbers)} {text}"[:64], keywords=["tea"])


MAKERS: dict[type[Model], Callable[[str], Model]] = {
    Source: a_source,
    FrontierEntry: a_look,
    Opportunity: an_opportunity,
    DiscoveryPlan: a_plan,
    QualificationRule: a_rule,
}
