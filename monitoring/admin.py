"""Seeing: the dashboard, processes, grouped errors and the audit; nothing here is ever edited."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    FieldTextFilter,
    RangeDateFilter,
)

from accounts.enums import AccountStatus, Health
from accounts.models import Account
from automation.enums import TaskState
from automation.models import Campaign, Task
from leads.models import Person
from monitoring import heartbeats
from monitoring.alerts import admin as _alerts  # noqa: F401 - registers its pages
from monitoring.checks import browser
from monitoring.dashboard import figures
from monitoring.models import Event, Heartbeat, LogRecord
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger
from outreach.lib.clock import database_now

LEVEL_COLOURS = {"WARNING": "amber", "ERROR": "red", "CRITICAL": "red"}
STATUS_COLOURS = {
    AccountStatus.ACTIVE: "green", AccountStatus.WARMING_UP: "blue", AccountStatus.PENDING: "amber",
    AccountStatus.LIMITED: "amber", AccountStatus.ERROR: "red",
}  # fmt: skip
HEALTH_COLOURS = {Health.WATCH: "amber", Health.THROTTLED: "amber", Health.QUARANTINED: "red"}
CHART = json.dumps(
    {
        "responsive": True, "maintainAspectRatio": False, "animation": False,
        "plugins": {"legend": {"display": True, "position": "bottom", "labels": {"boxWidth": 12}}},
        "scales": {"x": {"stacked": True, "grid": {"display": False}, "ticks": {"maxRotation": 0, "autoSkip": True}},
                   "y": {"stacked": True, "beginAtZero": True, "ticks": {"precision": 0}}},
    }
)  # fmt: skip
SEES = ("automation.view_task", "accounts.view_account", "automation.view_campaign")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the front page shows; nothing of it to staff who may not see tasks, accounts and campaigns."""
    if not all(request.user.has_perm(permission) for permission in SEES):
        return context
    seen = figures()
    return {
        **context,
        "seen": seen,
        "steps": first_steps(request),
        "error_percent": f"{100 * seen.error_rate:.1f}",
        "oldest": show.duration(seen.oldest_overdue.total_seconds()) if seen.oldest_overdue else "",
        "browser_is_slow": browser.is_long(seen.browser),
        "browser_wait": show.duration(seen.browser.longest_wait),
        "chart_options": CHART,
        "statuses": [(AccountStatus(status), count, STATUS_COLOURS.get(AccountStatus(status), "grey"))
                     for status, count in seen.accounts.items() if count],
        "unwell": [(Health(health), count, HEALTH_COLOURS[Health(health)]) for health, count in seen.unwell.items()],
        "running_campaigns": [(funnel, progress_of(funnel)) for funnel in seen.campaigns],
        "parked_tasks": parked_tasks() if seen.parked else (),
        "recent_errors": LogRecord.objects.order_by("-last_seen_at", "-id").defer("traceback")[:5],
    }  # fmt: skip


def parked_tasks() -> QuerySet[Task]:
    """The tasks that wait longest for a person (index task_unknown)."""
    parked = Task.objects.filter(state=TaskState.UNKNOWN, due_at__isnull=True).order_by("id")
    return parked.select_related("lane__account", "profile")[:5]


def progress_of(funnel: Any) -> int:
    """How much of a campaign is behind it, 0 to 100."""
    still_open = funnel.states["queued"] + funnel.states["active"]
    return round(100 * (funnel.total - still_open) / funnel.total) if funnel.total else 0


def first_steps(request: HttpRequest) -> list[dict[str, Any]]:
    """What is left to do in a new installation; empty once everything was done."""
    steps = [
        ("Connect an account", "It is verified with its network first.", "accounts_account_add", Account.objects,
         "accounts.add_account"),
        ("Import people", "A CSV file, tried before anything is created; or add a source that finds them.",
         "leads_import_add", Person.objects, "leads.add_import"),
        ("Create a campaign", "Creating one sends nothing: it starts when you start it.", "automation_campaign_add",
         Campaign.objects, "automation.add_campaign"),
    ]  # fmt: skip
    shown = [
        {"title": title, "text": text, "url": reverse(f"admin:{name}"), "done": rows.exists(),
         "may": request.user.has_perm(permission)}
        for title, text, name, rows, permission in steps
    ]  # fmt: skip
    return [] if all(step["done"] for step in shown) else shown


@admin.register(Heartbeat)
class HeartbeatAdmin(Ledger):
    list_display = ("name", "kind", "alive", "beat", "host", "pid", "up_since")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("name", "host")
    search_help_text = "Name or host"
    ordering = ("kind", "name")
    fields = (("name", "kind"), ("host", "pid"), ("started_at", "beat_at"), "detail_shown")
    readonly_fields = ("detail_shown",)
    empty_hint = "Nothing runs: start the installation with “manage.py up”, or its processes one by one."

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        now = database_now()
        for row in rows:
            row.late = heartbeats.is_late(row, now)

    @admin.display(description="Alive")
    def alive(self, row: Any) -> str:
        """Whether it beats as it should."""
        return show.badge("late", "red") if getattr(row, "late", False) else show.badge("on time", "green")

    @admin.display(description="Last beat", ordering="beat_at")
    def beat(self, row: Heartbeat) -> str:
        """When it last beat."""
        return show.when(row.beat_at)

    @admin.display(description="Since", ordering="started_at")
    def up_since(self, row: Heartbeat) -> str:
        """Its first beat."""
        return show.when(row.started_at)

    @admin.display(description="Detail")
    def detail_shown(self, row: Heartbeat) -> str:
        """What it told with its beat."""
        return show.json(row.detail)


class LevelFilter(DropdownFilter):
    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(level, level.title()) for level in LEVEL_COLOURS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogRecord]) -> QuerySet[LogRecord]:
        return queryset.filter(level=self.value()) if self.value() else queryset


@admin.register(LogRecord)
class LogRecordAdmin(Ledger):
    list_display = ("level_shown", "message_shown", "count", "last_seen", "first_seen")
    list_filter = (LevelFilter, ("logger", FieldTextFilter), ("last_seen_at", RangeDateFilter))
    search_fields = ("message", "logger")
    search_help_text = "Words of the message, or a logger's name"
    ordering = ("-last_seen_at", "-id")
    fields = (("level", "logger", "count"), ("first_seen_at", "last_seen_at"), "message", "traceback_shown")
    readonly_fields = ("traceback_shown",)
    empty_hint = "No warnings and no errors: all is well."

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogRecord]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer("traceback") if match and str(match.url_name).endswith("_changelist") else rows

    @admin.display(description="Level", ordering="level")
    def level_shown(self, record: LogRecord) -> str:
        """The level in its colour."""
        return show.badge(record.level, LEVEL_COLOURS.get(record.level, ""))

    @admin.display(description="Message", ordering="message")
    def message_shown(self, record: LogRecord) -> str:
        """The newest message, and who logged it."""
        return show.stacked(record.message[:160], record.logger)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, record: LogRecord) -> str:
        """When it last happened."""
        return show.when(record.last_seen_at)

    @admin.display(description="First seen", ordering="first_seen_at")
    def first_seen(self, record: LogRecord) -> str:
        """When it first happened."""
        return show.when(record.first_seen_at)

    @admin.display(description="Newest traceback")
    def traceback_shown(self, record: LogRecord) -> str:
        """Where it happened."""
        return (
            format_html('<pre class="o-pre">{}</pre>', record.traceback) if record.traceback else show.EMPTY
        )


@admin.register(Event)
class EventAdmin(Ledger):
    list_display = ("at_shown", "name", "by", "about", "data_short")
    list_filter = (("name", FieldTextFilter), ("by", FieldTextFilter), ("at", RangeDateFilter))
    search_fields = ("name",)
    search_help_text = "What happened, e.g. campaign.started; or the number of what it touched"
    ordering = ("-id",)
    fields = (("at", "name", "by"), "about", "data_shown")
    readonly_fields = ("about", "data_shown")
    empty_hint = "Every change of an account, a person, a campaign or a limit leaves an entry here."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        if term.isdecimal() and len(term) < 19:
            return queryset.filter(ids__contains=[int(term)]), False
        return queryset.filter(name__istartswith=term) if term else queryset, False

    @admin.display(description="When", ordering="id")
    def at_shown(self, event: Event) -> str:
        """When it happened."""
        return show.when(event.at)

    @admin.display(description="About")
    def about(self, event: Event) -> str:
        """What it touched, with links where there is a page."""
        ids = [page_of(event.model, pk) for pk in event.ids[:5]]
        more = f" and {len(event.ids) - 5} more" if len(event.ids) > 5 else ""
        return (
            format_html("{} {}{}", event.model, show.lines(ids), more) if ids else event.model or show.EMPTY
        )

    @admin.display(description="Data")
    def data_short(self, event: Event) -> str:
        """What else was told, cut to a line."""
        text = ", ".join(f"{name}: {value}" for name, value in event.data.items())
        return text[:120] or show.EMPTY

    @admin.display(description="Data")
    def data_shown(self, event: Event) -> str:
        """What else was told."""
        return show.json(event.data)


def page_of(model: str, pk: int) -> str:
    """A link to a row's page, or its number when its model has none."""
    label = model.lower().split(".")[-1]
    owner = next((one for one in apps.get_models() if one._meta.model_name == label), None)
    try:
        return show.link(
            reverse(f"admin:{owner._meta.app_label}_{label}_change", args=[pk]) if owner else "", f"#{pk}"
        )
    except NoReverseMatch:
        return f"#{pk}"
