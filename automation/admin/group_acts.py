"""Segments and lists onto a campaign's list: from the campaign's page, and from their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from automation.admin.people import ENROL, EnrolForm
from automation.campaigns import groups, newcomers
from automation.enums import GroupEnrolmentState
from automation.models import Campaign, GroupEnrolment
from leads.admin import groups as pages
from leads.models import PersonList, Segment
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, page_act
from outreach.lib.admin.base import user_of

COLOURS = {GroupEnrolmentState.RUNNING: "blue", GroupEnrolmentState.COMPLETED: "green"}
SHOWN = 5  # group enrolments on a campaign's page
FOLLOW = "automation.change_campaign"


class GroupForm(ActForm):
    segment = forms.ModelChoiceField(Segment.objects.none(), required=False)
    list = forms.ModelChoiceField(PersonList.objects.none(), required=False)

    def prepare(self) -> None:
        """Offer the groups of now, with their size."""
        for name, model in (("segment", Segment), ("list", PersonList)):
            self.fields[name].queryset = model.objects.order_by("name")
            self.fields[name].label_from_instance = _with_size

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("segment")) == bool(data.get("list")):
            raise forms.ValidationError("Choose either a segment or a list.")
        return data


class FollowForm(ActForm):
    segment = forms.ModelChoiceField(
        Segment.objects.none(), required=False, empty_label="None: stop following", help_text="One at a time."
    )
    everybody = forms.BooleanField(required=False, label="Enrol who is in it already, too")

    def prepare(self) -> None:
        """Offer the segments of now; the one that is followed comes first."""
        self.fields["segment"].queryset = Segment.objects.order_by("name")
        self.fields["segment"].label_from_instance = _with_size
        if self.object_id:
            followed = Campaign.objects.filter(pk=self.object_id).values_list("segment_id", flat=True)
            self.fields["segment"].initial = followed.first()


class GroupActs:
    """Mixed into the page of campaigns."""

    @page_act(
        "Enrol a group…", permission=ENROL, icon="group_add", form=GroupForm, submit="Enrol",
        explain="Everybody who is in it now, with their address on the campaign's network. Who said no is left out.",
    )  # fmt: skip
    def enrol_group(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        group = data["segment"] or data["list"]
        groups.enrol_group(campaign=campaign, group=group, by=user_of(request))
        return f"{group} is being enrolled; its progress is shown below."

    @page_act(
        "Follow a segment…", permission=FOLLOW, icon="sync", form=FollowForm, submit="Save",
        explain="Whoever comes into the segment from now on is enrolled. A draft keeps them until it is started.",
    )  # fmt: skip
    def follow_segment(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        newcomers.follow_segment(
            campaign=campaign, segment=data["segment"], everybody=data["everybody"], by=user_of(request)
        )
        if data["segment"] is None:
            return f"{campaign} follows no segment."
        return f"Whoever comes into {data['segment']} is enrolled in {campaign}."

    @page_act(
        "Stop enrolling groups", permission=ENROL, icon="group_off",
        explain="Segments and lists on their way into the campaign stop where they are. Whoever is enrolled stays.",
    )  # fmt: skip
    def stop_groups(self, request: HttpRequest, campaign: Campaign, data: dict[str, Any]) -> str:
        running = campaign.group_enrolments.filter(state=GroupEnrolmentState.RUNNING)
        for key in list(running.values_list("pk", flat=True)):
            groups.cancel_group_enrolment(key, by=user_of(request))
        return "Nobody more of them is enrolled."


def group_acts(campaign: Campaign) -> set[str]:
    """The acts that make sense for a campaign that has not ended."""
    running = campaign.group_enrolments.filter(state=GroupEnrolmentState.RUNNING).exists()
    return {"enrol_group", "follow_segment", *(["stop_groups"] if running else [])}


def groups_panel(campaign: Campaign) -> dict[str, Any]:
    """What the campaign's page shows of its groups: the segment it follows, and groups on their way or done."""
    newest = campaign.group_enrolments.select_related("segment", "list").order_by("-pk")[:SHOWN]
    made = list(newest)
    return {
        "followed": campaign.segment and show.to(campaign.segment),
        "groups": [(one, show.to(one.group), show.state(one, "state", COLOURS)) for one in made],
        "groups_running": any(one.state == GroupEnrolmentState.RUNNING for one in made),
    }


class EnrolsGroups:
    """Mixed into the pages of segments and lists."""

    @page_act(
        "Enrol in campaign…", permission=ENROL, icon="campaign", form=EnrolForm, submit="Enrol",
        explain="Everybody who is in it now, in the background. Who said no is left out.",
    )  # fmt: skip
    def enrol_all(self, request: HttpRequest, group: Segment | PersonList, data: dict[str, Any]) -> str:
        campaign = data["campaign"]
        made: GroupEnrolment = groups.enrol_group(campaign=campaign, group=group, by=user_of(request))
        url = reverse("admin:automation_campaign_change", args=[made.campaign_id])
        return show.joined("Being enrolled:", show.link(url, f"follow it on the page of {campaign}."))


def _with_size(group: Segment | PersonList) -> str:
    return f"{group.name} ({group.people_count:,})"


for model in (Segment, PersonList):
    admin.site.unregister(model)


@admin.register(Segment)
class SegmentAdmin(EnrolsGroups, pages.SegmentAdmin):
    """Segments."""

    actions_detail = ["enrol_all", *pages.SegmentAdmin.actions_detail]


@admin.register(PersonList)
class PersonListAdmin(EnrolsGroups, pages.PersonListAdmin):
    """Lists."""

    actions_detail = ["enrol_all", *pages.PersonListAdmin.actions_detail]
