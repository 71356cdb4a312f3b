"""The list of alerts: open ones first, never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateFilter

from monitoring.models import Alert, AlertLevel
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger

COLOURS = {AlertLevel.ERROR: "red", AlertLevel.WARNING: "amber"}


class OpenFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("resolved", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(resolved_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(Alert)
class AlertAdmin(Ledger):
    list_display = ("level_shown", "subject_shown", "opened", "seen", "resolved", "notified")
    list_filter = (OpenFilter, ("level", ChoicesDropdownFilter), ("opened_at", RangeDateFilter))
    search_fields = ("subject", "key")
    search_help_text = "Words of the subject, or what it is about"
    ordering = Alert._meta.ordering
    fields = (("level", "key"), "subject", "message", ("opened_at", "last_seen_at", "resolved_at"), "told")
    readonly_fields = ("told",)
    empty_hint = "Nothing has gone wrong yet: alerts come from breakers, accounts and the checks of “manage.py doctor”."

    @admin.display(description="Level", ordering="level")
    def level_shown(self, alert: Alert) -> str:
        """The level in its colour while it is open."""
        return show.badge(
            alert.get_level_display(), "" if alert.resolved_at else COLOURS[AlertLevel(alert.level)]
        )

    @admin.display(description="What", ordering="subject")
    def subject_shown(self, alert: Alert) -> str:
        """What is not well, and the first line of what is known."""
        return show.stacked(alert.subject, alert.message.partition("\n")[0])

    @admin.display(description="Since", ordering="opened_at")
    def opened(self, alert: Alert) -> str:
        """When it began."""
        return show.when(alert.opened_at)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def seen(self, alert: Alert) -> str:
        """When it was last found so."""
        return show.when(alert.last_seen_at)

    @admin.display(description="Over", ordering="resolved_at")
    def resolved(self, alert: Alert) -> str:
        """When it was over."""
        return show.when(alert.resolved_at, none="open")

    @admin.display(description="Last told", ordering="notified_at")
    def notified(self, alert: Alert) -> str:
        """When somebody was last told."""
        return show.when(alert.notified_at, none="nobody")

    @admin.display(description="Told")
    def told(self, alert: Alert) -> str:
        """What was told how, and what kept it from arriving."""
        return show.lines(
            show.joined(notice, show.when(notice.sent_at, none="not yet"), notice.error)
            for notice in alert.notices.all()
        )
