"""People's ways through campaigns."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter

from automation.admin import colours
from automation.models import Enrolment
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger


@admin.register(Enrolment)
class EnrolmentAdmin(Ledger):
    list_display = (
        "person_shown",
        "campaign_shown",
        "state_shown",
        "position",
        "account",
        "detail",
        "created_at",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("campaign", AutocompleteSelectFilter),
        ("account", AutocompleteSelectFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("person", "profile", "campaign", "account")
    search_fields = ("profile__handle", "person__display_name")
    search_help_text = "The person's name or handle"
    ordering = ("-id",)
    fields = (
        ("person_shown", "campaign_shown"),
        ("state_shown", "position"),
        ("account", "detail"),
        ("created_at", "finished_at"),
    )
    readonly_fields = ("person_shown", "campaign_shown", "state_shown")
    empty_hint = "Choose people on the Leads list and press “Enrol in campaign…”."
    empty_link = ("admin:leads_lead_changelist", "Go to leads")

    @admin.display(description="Person")
    def person_shown(self, enrolment: Enrolment) -> str:
        """Who, and at which address."""
        return show.stacked(show.to(enrolment.person), enrolment.profile.handle)

    @admin.display(description="Campaign")
    def campaign_shown(self, enrolment: Enrolment) -> str:
        """In which campaign."""
        return show.to(enrolment.campaign)

    @admin.display(description="State", ordering="state")
    def state_shown(self, enrolment: Enrolment) -> str:
        """The state in its colour."""
        return show.state(enrolment, "state", colours.ENROLMENT)
