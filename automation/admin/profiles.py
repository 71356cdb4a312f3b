"""What acting adds to a profile's page: reading it again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Account
from automation.admin import enrichment
from automation.discovery import services
from leads.admin.profiles import ProfileAdmin as PlainProfileAdmin
from leads.models import Profile
from outreach.lib.admin.acts import ActForm, page_act
from outreach.lib.admin.base import user_of


class ReaderForm(ActForm):
    account = forms.ModelChoiceField(Account.objects.none(), help_text="The account that reads it.")

    def prepare(self) -> None:
        """Offer working accounts of the profile's network."""
        network = Profile.objects.filter(pk=self.object_id).values("network")[:1]
        self.fields["account"].queryset = Account.objects.working().filter(network__in=network)


admin.site.unregister(Profile)


@admin.register(Profile)
class ProfileAdmin(PlainProfileAdmin):
    actions_detail = ["refresh", "look_again"]
    change_form_outer_after_template = "admin/automation/profile_after.html"

    def panels(self, request: HttpRequest, instance: Profile) -> dict[str, Any]:
        """The address book's, and what was found out."""
        return {**super().panels(request, instance), **enrichment.panel([instance])}

    @page_act(
        "Look again", permission=enrichment.RUN, icon="replay", form=enrichment.StepForm, submit="Look again",
        explain="Steps that find out more run again: language, country, addresses, picture.",
    )  # fmt: skip
    def look_again(self, request: HttpRequest, profile: Profile, data: dict[str, Any]) -> str:
        return enrichment.ask([profile.pk], request, data.get("step", ""))

    @page_act("Read again", permission="leads.change_profile", icon="refresh", form=ReaderForm)
    def refresh(self, request: HttpRequest, profile: Profile, data: dict[str, Any]) -> str:
        services.refresh(profile=profile, account=data["account"], by=user_of(request))
        return f"{profile} will be read in a moment."
