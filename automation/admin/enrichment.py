"""What was found out about profiles, which steps failed and why, and having them run again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from unfold.contrib.filters.admin import DropdownFilter

from automation import enrichment
from automation.enrichment import registry, telling
from automation.enrichment.base import StepState
from automation.models import Avatar, Enrichment
from automation.models.enrichment import WAITING
from leads.models import Profile
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, chunked_ids, count, page_act
from outreach.lib.admin.base import Ledger, user_of

RUN = "automation.change_enrichment"
KEEP_SECONDS = 3_600  # a picture changes rarely; who may see it, too


class StepForm(ActForm):
    step = forms.ChoiceField(required=False, help_text="Everything it reads is looked at anew.")

    def prepare(self) -> None:
        """Offer the steps there are."""
        field = self.fields["step"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "All of them"), *((step.name, step.label) for step in registry.steps())]


class StandingFilter(DropdownFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", "Something failed"), ("waiting", "Something waits")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Enrichment]) -> QuerySet[Enrichment]:
        if self.value() == "failed":
            return queryset.exclude(failed=[])
        if self.value() == "waiting":
            return queryset.filter(WAITING)
        return queryset


class FailedStepFilter(DropdownFilter):
    title = "step that failed"
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(step.name, step.label) for step in registry.steps()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Enrichment]) -> QuerySet[Enrichment]:
        value = self.value()
        return queryset.exclude(failed=[]).filter(failed__contains=[value]) if value else queryset


@admin.register(Enrichment)
class EnrichmentAdmin(Ledger):
    list_display = ("profile_shown", "standing_shown", "reasons", "next_shown")
    list_filter = (StandingFilter, FailedStepFilter)
    search_fields = ("profile__handle",)
    search_help_text = "A handle or an e-mail address"
    ordering = ("-pk",)
    actions = ["retry", "again"]
    actions_detail = ["run_again"]
    change_form_outer_after_template = "admin/automation/enrichment_after.html"
    fields = (("profile_linked", "next_shown"),)
    readonly_fields = ("profile_linked", "next_shown")
    empty_hint = (
        "Every profile is looked at by itself when it is added or read: its language, country, addresses and picture. "
        "Import people or run a source."
    )
    empty_link = ("admin:leads_import_add", "Import people")

    def get_urls(self) -> Any:
        """The list and pages, and the pictures."""
        picture = self.admin_site.admin_view(serve)
        return [
            path("<int:profile_id>/picture/", picture, name="automation_avatar"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrichment]:
        slim = Profile.objects.only("network", "handle")
        return super().get_queryset(request).prefetch_related(Prefetch("profile", slim))

    def panels(self, request: HttpRequest, instance: Enrichment) -> dict[str, Any]:
        return panel([instance.profile])

    @page_act("Run again", permission=RUN, icon="replay", form=StepForm, submit="Run again")
    def run_again(self, request: HttpRequest, row: Enrichment, data: dict[str, Any]) -> str:
        return ask([row.pk], request, data.get("step", ""))

    @bulk_act("Run failed steps again", permission=RUN)
    def retry(self, request: HttpRequest, chosen: QuerySet[Enrichment], data: dict[str, Any]) -> str:
        asked = sum(
            enrichment.run_again(ids, only_failed=True, by=user_of(request))
            for ids in chunked_ids(chosen.exclude(failed=[]))
        )
        return f"The failed steps of {count(asked, 'profile')} run again in a moment."

    @bulk_act("Run steps again…", permission=RUN, form=StepForm)
    def again(self, request: HttpRequest, chosen: QuerySet[Enrichment], data: dict[str, Any]) -> str:
        return ask((pk for ids in chunked_ids(chosen) for pk in ids), request, data.get("step", ""))

    @admin.display(description="Profile", ordering="profile__handle")
    def profile_shown(self, row: Enrichment) -> str:
        """Whose profile, on which network; the list makes it a link by itself."""
        return show.stacked(row.profile.handle, row.profile.network)

    @admin.display(description="Profile")
    def profile_linked(self, row: Enrichment) -> str:
        """A link to the profile."""
        return show.to(row.profile, row.profile.handle)

    @admin.display(description="Steps")
    def standing_shown(self, row: Enrichment) -> str:
        """How many are done, and which failed."""
        all_of_them = telling.standings(row)
        if not all_of_them:
            return show.EMPTY
        over = sum(one.state in (StepState.DONE, StepState.SKIPPED) for one in all_of_them)
        failed = (show.badge(one.label, "red") for one in all_of_them if one.state == StepState.FAILED)
        return show.joined(show.progress(over, len(all_of_them)), *failed)

    @admin.display(description="Why")
    def reasons(self, row: Enrichment) -> str:
        """What failed or waits, and why."""
        open_ones = (StepState.FAILED, StepState.WAITING)
        told = [one.reason for one in telling.standings(row) if one.state in open_ones and one.reason]
        return show.lines(dict.fromkeys(told))

    @admin.display(description="Next")
    def next_shown(self, row: Enrichment) -> str:
        """When something is done for it again."""
        return show.when(min(filter(None, (row.due_at, row.online_at)), default=None), none="nothing left")


def ask(profile_ids: Iterable[int], request: HttpRequest, step: str) -> str:
    """Have a step, or all of them, run again for these profiles."""
    ids = list(profile_ids)
    asked = 0
    for start in range(0, len(ids), 1_000):
        asked += enrichment.run_again(
            ids[start : start + 1_000], steps=[step] if step else (), by=user_of(request)
        )
    what = registry.label_of(step) if step else "All steps"
    return f"{what}: {count(asked, 'profile')} looked at again in a moment."


def panel(profiles: Iterable[Profile]) -> dict[str, Any]:
    """What the panel of these profiles shows: two queries, whatever the number."""
    chosen = {profile.pk: profile for profile in profiles}
    rows = Enrichment.objects.in_bulk(list(chosen))
    pictured = set(Avatar.objects.filter(profile__in=chosen).values_list("pk", flat=True))
    return {
        "enrichments": [
            {
                "profile": profile,
                "steps": telling.standings(rows[pk]) if pk in rows else [],
                "pictured": pk in pictured,
            }
            for pk, profile in chosen.items()
        ],
    }


def serve(request: HttpRequest, profile_id: int) -> HttpResponse:
    """One picture, for staff who may see the profile."""
    if not request.user.has_perm("leads.view_profile"):
        raise PermissionDenied
    avatar = Avatar.objects.filter(pk=profile_id).first()
    if avatar is None:
        raise Http404("There is no picture.")
    return HttpResponse(
        bytes(avatar.content),
        content_type=avatar.mime,
        headers={"Cache-Control": f"private, max-age={KEEP_SECONDS}", "X-Content-Type-Options": "nosniff"},
    )
