"""Files of people: asked for, followed, fetched."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant

from leads import exporting
from leads.admin.imports import STATUS_COLOURS
from leads.enums import OPEN_STATUSES, ExportFormat, ImportStatus, Lifecycle, Stage
from leads.models import Export
from outreach.lib import queue
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, refusable, user_of


class ExportForm(forms.ModelForm):
    q = forms.CharField(
        required=False, max_length=200, label="Search", help_text="Words of name, company or handle."
    )
    lifecycle = forms.ChoiceField(required=False, choices=[("", "Everybody"), *Lifecycle.choices])
    stage = forms.ChoiceField(required=False, choices=[("", "Every stage"), *Stage.choices])

    class Meta:
        model = Export
        fields = ("format", "segment", "list")


@admin.register(Export)
class ExportAdmin(Ledger):
    form = ExportForm
    list_display = ("__str__", "whom", "status_shown", "rows", "created_by", "created_at")
    list_filter = (("status", ChoicesDropdownFilter), ("format", ChoicesDropdownFilter))
    list_select_related = ("segment", "list", "created_by")
    search_fields = ("segment__name", "list__name")
    search_help_text = "Part of a segment's or list's name"
    ordering = ("-id",)
    actions_detail = ["cancel"]
    change_form_outer_before_template = "admin/leads/export_before.html"
    add_fieldsets = ((None, {"fields": ("format", ("segment", "list"), "q", ("lifecycle", "stage"))}),)
    fieldsets = ((None, {"fields": (("format", "whom"), ("created_by", "created_at", "finished_at"))}),)
    readonly_fields = ("whom",)
    empty_hint = "Export everybody, a segment or a list as CSV, XLSX or JSON. Files are kept for a week."
    empty_link = ("admin:leads_export_add", "Export people")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.add_export")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_urls(self) -> list[Any]:
        """Adds the file itself."""
        file = path("<int:pk>/file/", self.admin_site.admin_view(self.file_view), name="leads_export_file")
        return [file, *super().get_urls()]

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        """The finished file, streamed. Taking people's data away needs the right to export."""
        if not request.user.has_perm("leads.add_export"):
            raise PermissionDenied
        export = Export.objects.filter(pk=pk, status=ImportStatus.COMPLETED).first()
        if export is None:
            messages.error(request, "There is no such file, or not yet.")
            return HttpResponseRedirect("../../")
        content_type = exporting.CONTENT_TYPES[ExportFormat(export.format)]
        response = StreamingHttpResponse(exporting.file_of(export), content_type=content_type)
        response["Content-Disposition"] = f'attachment; filename="{export}"'
        response["Content-Length"] = str(export.size)
        return response

    def offered(self, instance: Export) -> set[str]:
        return {"cancel"} if instance.status in OPEN_STATUSES else set()

    def save_model(self, request: HttpRequest, obj: Export, form: Any, change: bool) -> None:
        """Ask for the file; a worker writes it."""
        data = form.cleaned_data
        choice = {name: data[name] for name in ("q", "lifecycle", "stage") if data.get(name)}
        with refusable():
            made = exporting.start_export(
                format=data["format"], choice=choice, segment=data.get("segment"), list=data.get("list"),
                by=user_of(request),
            )  # fmt: skip
        queue.enqueue("leads.jobs.run_export", made.pk)
        obj.pk = made.pk

    def panels(self, request: HttpRequest, instance: Export) -> dict[str, Any]:
        return {
            "open": instance.status in OPEN_STATUSES,
            "percent": round(100 * instance.progress),
            "may_fetch": instance.status == ImportStatus.COMPLETED
            and request.user.has_perm("leads.add_export"),
            "has_panel": True,
        }

    @page_act("Cancel", permission="leads.change_export", icon="cancel", variant=ActionVariant.DANGER)
    def cancel(self, request: HttpRequest, export: Export, data: dict[str, Any]) -> str:
        cancelled = exporting.cancel_export(export.pk, by=user_of(request))
        return "It was cancelled." if cancelled else "It had ended already."

    @admin.display(description="Status", ordering="status")
    def status_shown(self, export: Export) -> str:
        """The status, with how far it is, or the error on hover."""
        if export.status == ImportStatus.RUNNING:
            return show.meter(round(100 * export.progress), 100)
        return show.state(export, "status", STATUS_COLOURS, title=export.error)

    @admin.display(description="Whom")
    def whom(self, export: Export) -> str:
        """Whom it holds, in words."""
        said = [f"segment {export.segment}"] if export.segment_id else []
        said += [f"list {export.list}"] if export.list_id else []
        for name, value in export.choice.items():
            said.append(f"{len(value):,} chosen people" if name == "ids" else f"{name} {value}")
        return ", ".join(said) or "Everybody"
