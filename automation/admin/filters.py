"""Filters that several lists of acts share."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from accounts.enums import PACED_ACTS
from automation.enums import Reason, TaskState
from automation.models import Hold, Task
from outreach.lib import networks


def network_choices() -> list[tuple[str, str]]:
    """Installed networks by label."""
    return [(name, networks.get(name).label) for name in networks.names()]


class NetworkFilter(DropdownFilter):
    """By network; ``path`` is how the rows reach it."""

    title = "network"
    parameter_name = "network"
    path = "network"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return network_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.path: self.value()}) if self.value() else queryset


class LaneNetworkFilter(NetworkFilter):
    path = "lane__network"


class AccountNetworkFilter(NetworkFilter):
    path = "account__network"


class ReasonFilter(DropdownFilter):
    """Why a task waits or ended, whether the task, its lane's hold or its pacing says so."""

    title = "reason"
    parameter_name = "why"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [choice for choice in Reason.choices if choice[0]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        reason = self.value()
        if reason not in Reason.values or not reason:
            return queryset
        held = Hold.objects.filter(
            Q(kind="") | Q(kind=OuterRef("kind")), Q(until__isnull=True) | Q(until__gt=Now()),
            lane=OuterRef("lane"), reason=reason,
        )  # fmt: skip
        paced = Q(kind__in=PACED_ACTS, lane__people_reason=reason, lane__people_until__gt=Now())
        return queryset.filter(Q(reason=reason) | Q(Exists(held) | paced, state=TaskState.PENDING))


class AttentionFilter(DropdownFilter):
    """What staff look for first."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", "Needs a person"), ("overdue", "Overdue"), ("retried", "Tried more than once")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if self.value() == "parked":
            return queryset.filter(state=TaskState.UNKNOWN, due_at__isnull=True)
        if self.value() == "overdue":
            return queryset.filter(state=TaskState.PENDING, due_at__lt=Now())
        return queryset.filter(attempt_count__gt=1) if self.value() == "retried" else queryset
