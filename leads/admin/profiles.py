"""Profiles, as their networks show them; nobody edits what a network says."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    FieldTextFilter,
    RangeNumericFilter,
)

from leads.admin import growth
from leads.admin.forms import network_choices
from leads.models import Profile
from leads.queries import search_people
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger


class ProfileNetworkFilter(DropdownFilter):
    title = "network"
    parameter_name = "network"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return network_choices()[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        return queryset.filter(network=self.value()) if self.value() else queryset


class FetchedFilter(DropdownFilter):
    title = "read from its network"
    parameter_name = "fetched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Read"), ("no", "Not yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        if self.value() in ("yes", "no"):
            return queryset.filter(fetched_at__isnull=self.value() == "no")
        return queryset


class ProfileAdmin(Ledger):
    list_display = (
        "handle_shown",
        "person_shown",
        "network",
        "followers_count",
        "language",
        "found",
        "fetched",
    )
    list_filter = (
        ProfileNetworkFilter,
        FetchedFilter,
        ("language", FieldTextFilter),
        ("followers_count", RangeNumericFilter),
        ("found_by", AutocompleteSelectFilter),
    )
    list_select_related = ("person", "found_by")
    search_fields = ("handle",)
    search_help_text = "Handle, e-mail address, name or company"
    ordering = ("-id",)
    change_form_outer_after_template = "admin/leads/profile_after.html"
    fields = (
        ("person_shown", "network", "handle"),
        ("display_name", "language", "page"),
        ("location", "website_shown"),
        "bio",
        ("followers_count", "following_count", "posts_count"),
        ("found", "fetched_at", "refresh_at"),
        ("bounce", "bounced_at"),
        ("mail_verdict", "mail_note"),
    )
    readonly_fields = ("person_shown", "page", "found", "website_shown")
    empty_hint = "Profiles appear when people are imported or added, and when a source finds them."
    empty_link = ("admin:leads_import_add", "Import people")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Profile]:
        rows = super().get_queryset(request)
        on_page = bool(request.resolver_match and str(request.resolver_match.url_name).endswith("_change"))
        return rows if on_page else rows.defer("bio", "recent_posts")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Profile], search_term: str
    ) -> tuple[QuerySet[Profile], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(person__in=search_people(search_term).order_by().values("pk")), False

    def panels(self, request: HttpRequest, instance: Profile) -> dict[str, Any]:
        return {
            "recent_posts": [post for post in instance.recent_posts if isinstance(post, dict)],
            "growth": growth.chart([instance], fields=("followers_count", "following_count", "posts_count")),
            "growth_title": "Figures",
            "growth_options": growth.OPTIONS,
        }

    @admin.display(description="Profile", ordering="handle")
    def handle_shown(self, profile: Profile) -> str:
        """Handle and shown name."""
        return show.stacked(profile.handle, profile.display_name)

    @admin.display(description="Person")
    def person_shown(self, profile: Profile) -> str:
        """Whose it is."""
        text = show.to(profile.person)
        return (
            format_html("{} {}", text, show.badge("Said no", "red")) if profile.person.suppressed_at else text
        )

    @admin.display(description="Page")
    def page(self, profile: Profile) -> str:
        """Where the network shows it."""
        return show.link(profile.url, profile.url) if profile.url else show.EMPTY

    @admin.display(description="Website")
    def website_shown(self, profile: Profile) -> str:
        """The site they name."""
        return show.link(profile.website, profile.website) if profile.website else show.EMPTY

    @admin.display(description="Found by")
    def found(self, profile: Profile) -> str:
        """Which account found it and how."""
        return show.stacked(profile.found_by or show.EMPTY, profile.found_via)

    @admin.display(description="Read", ordering="fetched_at")
    def fetched(self, profile: Profile) -> str:
        """When it was last read from its network."""
        return show.when(profile.fetched_at, none="not yet")


admin.site.register(Profile, ProfileAdmin)
