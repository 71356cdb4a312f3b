"""Segments by rules, with a builder that counts while one writes, and lists by hand."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from leads import exporting, segments
from leads.admin.forms import FormatForm
from leads.enums import SegmentStatus
from leads.models import Person, PersonList, Segment, Tag
from leads.segments import rules
from outreach.lib import queue
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import ModelAdmin, refusable, user_of

SHOWN = 50
STATUS_COLOURS = {SegmentStatus.READY: "green", SegmentStatus.BUILDING: "blue", SegmentStatus.FAILED: "red"}
LONGEST_RULES = 100_000  # characters


class RulesWidget(forms.Textarea):
    template_name = "admin/leads/rules_widget.html"

    class Media:
        js = ("outreach/rules.js",)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """By the project's own templates, which the renderer of forms does not know."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """The fields rules may ask, with the values there are; languages and tags as suggestions."""
        context = super().get_context(name, value, attrs)
        known: dict[str, dict[str, Any]] = {
            key: {
                "label": field.label,
                "kind": field.kind,
                "operators": rules.OPERATORS[field.kind],
                "choices": field.choices() if field.choices else None,
            }
            for key, field in rules.FIELDS.items()
        }
        known["tag"]["suggestions"] = list(Tag.objects.values_list("name", flat=True)[:200])
        return {**context, "known": known, "count_url": reverse("admin:leads_segment_count")}


class SegmentForm(forms.ModelForm):
    rules = forms.CharField(widget=RulesWidget, max_length=LONGEST_RULES, required=False)

    class Meta:
        model = Segment
        fields = ("name", "description", "rules")
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["rules"] = json.dumps(self.instance.rules)

    def clean_rules(self) -> dict[str, Any]:
        """The rules, checked; their error says which one is wrong."""
        try:
            return rules.check(json.loads(self.cleaned_data["rules"] or "{}"))
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(str(error)) from error


class ExportAct:
    """A button that exports a group's people."""

    def _export(self, request: HttpRequest, format: str, **group: Any) -> str:
        export = exporting.start_export(format=format, by=user_of(request), **group)
        queue.enqueue("leads.jobs.run_export", export.pk)
        return show.link(show.admin_url(export), "The file is being written: follow it and fetch it here.")


@admin.register(Segment)
class SegmentAdmin(ExportAct, ModelAdmin):
    form = SegmentForm
    list_display = ("name", "in_words", "people_shown", "status_shown", "created_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("name", "description")
    search_help_text = "Part of the name or the description"
    ordering = ("-id",)
    actions_detail = ["export_people", "build_anew"]
    change_form_outer_before_template = "admin/leads/segment_before.html"
    change_form_outer_after_template = "admin/leads/members_after.html"
    fieldsets = ((None, {"fields": (("name",), "description", "rules")}),)
    empty_hint = (
        "A segment holds everybody whom its rules fit, and follows every change. Make one to begin with."
    )
    empty_link = ("admin:leads_segment_add", "Make a segment")

    def get_urls(self) -> list[Any]:
        """Adds the count the builder asks for."""
        counting = path("count/", self.admin_site.admin_view(self.count_view), name="leads_segment_count")
        return [counting, *super().get_urls()]

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """How many people the rules in the body fit; what is wrong with them as ``error``."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            text = request.body.decode()
            counted = segments.count(json.loads(text if len(text) < LONGEST_RULES else ""))
        except (ValueError, RecursionError) as error:
            return JsonResponse({"error": str(error)})
        return JsonResponse({"people": counted.people, "exact": counted.exact})

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        """Through the services, which build it in the background."""
        data = {name: form.cleaned_data[name] for name in ("name", "description", "rules")}
        with refusable():
            if change:
                segments.change_segment(Segment.objects.get(pk=obj.pk), by=user_of(request), **data)
            else:
                obj.pk = segments.create_segment(by=user_of(request), **data).pk

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        segments.delete_segment(obj, by=user_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for segment in queryset:
            segments.delete_segment(segment, by=user_of(request))

    def panels(self, request: HttpRequest, instance: Segment) -> dict[str, Any]:
        newest = instance.members.order_by("-pk").values_list("person_id", flat=True)[:SHOWN]
        return {
            "members": Person.objects.filter(pk__in=list(newest)).order_by("-pk"),
            "member_count": instance.people_count,
            "sentence": rules.in_words(instance.rules),
            "percent": round(100 * instance.progress),
        }

    @page_act("Export", permission="leads.add_export", icon="download", form=FormatForm)
    def export_people(self, request: HttpRequest, segment: Segment, data: dict[str, Any]) -> str:
        return self._export(request, data["format"], segment=segment)

    @page_act(
        "Build anew", permission="leads.change_segment", icon="refresh",
        explain="Everybody is looked at once more, in the background. Normally there is no need to.",
    )  # fmt: skip
    def build_anew(self, request: HttpRequest, segment: Segment, data: dict[str, Any]) -> str:
        segments.rebuild(segment)
        return "It is being built anew."

    @admin.display(description="Rules")
    def in_words(self, segment: Segment) -> str:
        """The rules as a sentence."""
        sentence = rules.in_words(segment.rules)
        return sentence if len(sentence) < 120 else f"{sentence[:118]}…"

    @admin.display(description="People", ordering="people_count")
    def people_shown(self, segment: Segment) -> str:
        """How many are in it now."""
        return f"{segment.people_count:,}"

    @admin.display(description="Status", ordering="status")
    def status_shown(self, segment: Segment) -> str:
        """Ready, or how far it is."""
        if segment.status == SegmentStatus.BUILDING:
            return show.meter(round(100 * segment.progress), 100)
        return show.state(segment, "status", STATUS_COLOURS, title=segment.error)


@admin.register(PersonList)
class PersonListAdmin(ExportAct, ModelAdmin):
    list_display = ("name", "description", "people_count", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "description")
    search_help_text = "Part of the name or the description"
    ordering = ("-id",)
    actions_detail = ["export_people"]
    change_form_outer_after_template = "admin/leads/members_after.html"
    fieldsets = ((None, {"fields": ("name", "description")}),)
    empty_hint = "A list holds people you choose by hand: make one, then choose people on the Leads list."
    empty_link = ("admin:leads_personlist_add", "Make a list")

    def save_model(self, request: HttpRequest, obj: PersonList, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        with refusable():
            data = {name: form.cleaned_data[name] for name in ("name", "description")}
            obj.pk = segments.create_list(by=user_of(request), **data).pk

    def delete_model(self, request: HttpRequest, obj: PersonList) -> None:
        segments.delete_list(obj, by=user_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for chosen in queryset:
            segments.delete_list(chosen, by=user_of(request))

    def panels(self, request: HttpRequest, instance: PersonList) -> dict[str, Any]:
        newest = instance.members.order_by("-pk").values_list("person_id", flat=True)[:SHOWN]
        return {
            "members": Person.objects.filter(pk__in=list(newest)).order_by("-pk"),
            "member_count": instance.people_count,
        }

    @page_act("Export", permission="leads.add_export", icon="download", form=FormatForm)
    def export_people(self, request: HttpRequest, chosen: PersonList, data: dict[str, Any]) -> str:
        return self._export(request, data["format"], list=chosen)
