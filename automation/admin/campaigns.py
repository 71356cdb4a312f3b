"""Campaigns: built on one page, started on purpose."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from automation.admin import colours
from automation.admin.filters import NetworkFilter, network_choices
from automation.admin.group_acts import GroupActs, group_acts, groups_panel
from automation.admin.step_forms import StepFormSet, StepInline
from automation.campaigns import queries, services
from automation.enums import ENDED_CAMPAIGNS, OPEN_ENROLMENTS, CampaignStatus, EnrolmentState
from automation.models import Campaign
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import ModelAdmin, refusable, user_of

CHANGE = "automation.change_campaign"
OWN_FIELDS = ("name", "description", "daily_limit", "stop_on_reply")


class CampaignForm(forms.ModelForm):
    network = forms.ChoiceField(help_text="Where its steps act. It cannot be changed later.")

    class Meta:
        model = Campaign
        fields = (*OWN_FIELDS, "network", "accounts")
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


@admin.register(Campaign)
class CampaignAdmin(GroupActs, ModelAdmin):
    form = CampaignForm
    list_display = ("name", "status_shown", "network", "funnel_shown", "progress_shown", "started_at")
    list_filter = (("status", ChoicesDropdownFilter), NetworkFilter)
    search_fields = ("name", "description")
    search_help_text = "Words of the name or the description"
    ordering = ("-id",)
    autocomplete_fields = ("accounts",)
    inlines = (StepInline,)
    actions_detail = ["start", "pause", "resume", "enrol_group", "follow_segment", "stop_groups", "cancel"]
    change_form_outer_before_template = "admin/automation/campaign_before.html"
    change_form_outer_after_template = "admin/automation/campaign_after.html"
    empty_hint = "A campaign says what is done, in which order, to whom. Creating one sends nothing."
    fieldsets = (
        (None, {"fields": (("name", "network"), "description")}),
        ("How", {"fields": ("accounts", ("daily_limit", "stop_on_reply"))}),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "network" in form.base_fields:
            form.base_fields["network"].choices = [("", "---------"), *network_choices()]
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        """The network is for good; who acts is settled once it has started."""
        if obj is None:
            return ()
        return ("network",) if obj.status == CampaignStatus.DRAFT else ("network", "accounts")

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """What has ended is history."""
        return super().has_change_permission(request, obj) and not (
            isinstance(obj, Campaign) and obj.status in ENDED_CAMPAIGNS
        )

    def offered(self, instance: Campaign) -> set[str]:
        acts = {
            CampaignStatus.DRAFT: {"start", "cancel"},
            CampaignStatus.RUNNING: {"pause", "cancel"},
            CampaignStatus.PAUSED: {"resume", "cancel"},
        }
        own = acts.get(CampaignStatus(instance.status))
        return own | group_acts(instance) if own else set()

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """The funnels of all listed campaigns, in one query."""
        funnels = queries.funnel([campaign.pk for campaign in rows])
        for campaign in rows:
            campaign.states = funnels.get(campaign.pk, {})

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """A new one is a draft; of an old one only the changed columns are written."""
        data = form.cleaned_data
        with refusable():
            if not change:
                own = {name: data[name] for name in OWN_FIELDS}
                made = services.create_campaign(
                    network=data["network"], steps=(), accounts=data["accounts"], by=user_of(request), **own
                )
                obj.pk = made.pk
                return
            if changed := [name for name in OWN_FIELDS if name in form.changed_data]:
                obj.save(update_fields=changed)
                self.announce(request, [obj.pk], "changed", fields=changed)
            if "accounts" in form.changed_data:
                services.set_accounts(campaign=obj, accounts=data["accounts"], by=user_of(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """All steps at once, through the service that checks them against the network."""
        for formset in formsets:
            if isinstance(formset, StepFormSet) and formset.has_changed():
                with refusable():
                    campaign = Campaign.objects.get(pk=form.instance.pk)
                    services.set_steps(campaign=campaign, steps=formset.specs(), by=user_of(request))

    def panels(self, request: HttpRequest, instance: Campaign) -> dict[str, Any]:
        states = queries.funnel([instance.pk]).get(instance.pk, {})
        total = sum(states.values())
        url = f"{reverse('admin:automation_enrolment_changelist')}?campaign__id__exact={instance.pk}"
        return {
            **groups_panel(instance),
            "status_badge": self.status_shown(instance),
            "funnel": [
                (
                    label,
                    states.get(state, 0),
                    colours.ENROLMENT.get(EnrolmentState(state), "grey"),
                    f"{url}&state__exact={state}",
                )
                for state, label in EnrolmentState.choices
            ],
            "total": total,
            "progress": share_ended(states),
            "steps": instance.steps.prefetch_related("variants").order_by("position"),
            "enrolments": instance.enrolments.select_related("person", "profile", "account")[:20],
            "enrolments_url": url,
            "tasks_url": f"{reverse('admin:automation_task_changelist')}?campaign__id__exact={instance.pk}",
            "leads_url": reverse("admin:leads_lead_changelist"),
            "may_edit_steps": instance.status == CampaignStatus.DRAFT and request.user.has_perm(CHANGE),
        }

    @page_act(
        "Start", permission=CHANGE, icon="play_arrow", variant=ActionVariant.SUCCESS,
        explain="Everybody enrolled begins, within the limits and the sending windows of its accounts.",
    )  # fmt: skip
    def start(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        services.start(campaign=campaign, by=user_of(request))
        return f"{campaign} is running."

    @page_act(
        "Pause", permission=CHANGE, icon="pause", explain="Nothing more of it is sent until it is resumed."
    )
    def pause(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        services.pause(campaign=campaign, by=user_of(request))
        return f"{campaign} is paused."

    @page_act(
        "Resume",
        permission=CHANGE,
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        explain="It goes on where it stood.",
    )
    def resume(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        services.resume(campaign=campaign, by=user_of(request))
        return f"{campaign} is running."

    @page_act(
        "Cancel", permission=CHANGE, icon="cancel", variant=ActionVariant.DANGER, submit="End it for good",
        explain="It ends for good: what has not started is cancelled. What was sent stays sent.",
    )  # fmt: skip
    def cancel(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        cancelled = services.cancel(campaign=campaign, by=user_of(request))
        return f"{campaign} is cancelled, and with it {cancelled} waiting tasks."

    @admin.display(description="Status", ordering="status")
    def status_shown(self, campaign: Campaign) -> str:
        """The status in its colour."""
        return show.state(campaign, "status", colours.CAMPAIGN)

    @admin.display(description="People")
    def funnel_shown(self, campaign: Any) -> str:
        """How many people stand where."""
        states = getattr(campaign, "states", {})
        shown = [
            f"{states[state]:,} {label.lower()}"
            for state, label in EnrolmentState.choices
            if states.get(state)
        ]
        return ", ".join(shown) or "nobody enrolled"

    @admin.display(description="Done")
    def progress_shown(self, campaign: Any) -> str:
        """The share of people who have come to an end."""
        return f"{share_ended(getattr(campaign, 'states', {}))} %"


def share_ended(states: dict[str, int]) -> int:
    """Enrolments that have come to an end, in percent."""
    total = sum(states.values())
    return (
        round(100 * (total - sum(states.get(state, 0) for state in OPEN_ENROLMENTS)) / total) if total else 0
    )
