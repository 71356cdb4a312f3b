"""Files of people: uploaded, tried, reported row by row, taken in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.enums import ActionVariant

from leads import importing
from leads.enums import OPEN_STATUSES, ImportFormat, ImportStatus, RowOutcome
from leads.importing.mapping import IGNORED
from leads.models import Import
from outreach.lib import queue
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, page_act
from outreach.lib.admin.base import Ledger, refusable, user_of
from outreach.lib.admin.widgets import dress

AT_ONCE = 256_000  # bytes; a smaller file is read while the browser waits, a bigger one by a worker
STATUS_COLOURS = {ImportStatus.COMPLETED: "green", ImportStatus.FAILED: "red", ImportStatus.RUNNING: "blue"}
COLUMNS = "email, first_name, last_name, company, title, website, country, language, tags, or a network's name for handles"


class ImportForm(forms.ModelForm):
    file = forms.FileField(
        help_text=f"CSV or XLSX with a header row, or vCard. Known columns: {COLUMNS}; others can be mapped after the dry run."
    )
    dry_run = forms.BooleanField(
        required=False, initial=True, help_text="Only try: report on every row and create nobody."
    )

    class Meta:
        model = Import
        fields = ("dry_run",)


class MappingForm(ActForm):
    """A choice for each column of the file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        run = Import.objects.filter(pk=self.object_id).first()
        fields = [
            (IGNORED, "ignored"),
            *((name, name.replace("_", " ")) for name in importing.known_fields()),
        ]
        for place, (name, field) in enumerate(run.mapping.items() if run else ()):
            choice = forms.ChoiceField(
                choices=fields, initial=field, required=False, label=name or "(no name)"
            )
            dress(choice)
            self.fields[f"column{place}"] = choice


class TrialFilter(DropdownFilter):
    title = "kind"
    parameter_name = "dry_run__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Dry runs"), ("0", "Real imports")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(dry_run=self.value() == "1") if self.value() else queryset


@admin.register(Import)
class ImportAdmin(Ledger):
    form = ImportForm
    list_display = (
        "name",
        "status_shown",
        "kind",
        "rows",
        "created",
        "updated",
        "skipped",
        "failed",
        "created_at",
    )
    list_filter = (("status", ChoicesDropdownFilter), TrialFilter)
    search_fields = ("name",)
    search_help_text = "Part of a file's name"
    ordering = ("-id",)
    actions_detail = ["run_for_real", "map_columns", "cancel"]
    change_form_outer_before_template = "admin/leads/import_before.html"
    change_form_outer_after_template = "admin/leads/import_after.html"
    empty_hint = "Upload a file of people: CSV, XLSX or vCard. It is tried first: you see what would happen to every row."
    add_fieldsets = ((None, {"fields": ("file", "dry_run")}),)
    fieldsets = ((None, {"fields": (("name", "kind"), ("created_by", "created_at", "finished_at"))}),)
    readonly_fields = ("kind",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.add_import")

    def offered(self, instance: Import) -> set[str]:
        ready = instance.dry_run and instance.status == ImportStatus.COMPLETED and instance.parts.exists()
        acts = {"cancel"} if instance.status in OPEN_STATUSES else set()
        return acts | ({"run_for_real", "map_columns"} if ready else set())

    def save_model(self, request: HttpRequest, obj: Import, form: Any, change: bool) -> None:
        """Keep the file and read it: a small one now, a big one in the background."""
        file = form.cleaned_data["file"]
        file.seek(0)
        with refusable():
            run = importing.start_import(
                name=file.name,
                content=file.chunks(),
                by=user_of(request),
                dry_run=form.cleaned_data["dry_run"],
            )
        _begin(run, file.size)
        obj.pk = run.pk
        obj.name = run.name

    @page_act(
        "Run for real", permission="leads.add_import", icon="play_arrow", variant=ActionVariant.PRIMARY,
        explain="People are created and updated as the report says. Nobody is written to.",
    )  # fmt: skip
    def run_for_real(self, request: HttpRequest, trial: Import, data: dict[str, Any]) -> str:
        size = sum(len(content) for content in trial.parts.values_list("content", flat=True).iterator())
        run = importing.commit_dry_run(trial.pk, by=user_of(request))
        _begin(run, size)
        return show.link(show.admin_url(run), f"The import of {run.name} has begun: follow it here.")

    @page_act(
        "Map columns", permission="leads.add_import", icon="table_view", form=MappingForm, submit="Try again",
        explain="Say what each column means; the file is tried again. The same columns mean the same next time.",
    )  # fmt: skip
    def map_columns(self, request: HttpRequest, trial: Import, data: dict[str, Any]) -> str:
        names = list(trial.mapping)
        run = importing.remap(
            trial.pk, {name: data[f"column{place}"] for place, name in enumerate(names)}, by=user_of(request)
        )
        queue.enqueue("leads.jobs.run_import", run.pk)
        return "The file is being tried again."

    @page_act(
        "Cancel", permission="leads.change_import", icon="cancel", variant=ActionVariant.DANGER,
        explain="It stops after the rows that are under way. Who was taken in stays.",
    )  # fmt: skip
    def cancel(self, request: HttpRequest, run: Import, data: dict[str, Any]) -> str:
        return (
            "It was cancelled."
            if importing.cancel_import(run.pk, by=user_of(request))
            else "It had ended already."
        )

    def panels(self, request: HttpRequest, instance: Import) -> dict[str, Any]:
        rows = instance.row_reports.select_related("person")
        outcome = request.GET.get("outcome", "")
        if outcome in RowOutcome.values:
            rows = rows.filter(outcome=outcome)
        pages = Paginator(rows, 100)
        return {
            "reports": pages.get_page(request.GET.get("page")),
            "outcomes": RowOutcome.choices,
            "outcome": outcome,
            "percent": round(100 * instance.progress),
            "columns": [(name, field or "ignored") for name, field in instance.mapping.items()],
            "figures": [
                ("Rows", instance.rows, ""), ("Created", instance.created, "green"),
                ("Updated", instance.updated, ""), ("Skipped", instance.skipped, ""),
                ("Failed", instance.failed, "red" if instance.failed else ""),
            ],
        }  # fmt: skip

    @admin.display(description="Status", ordering="status")
    def status_shown(self, run: Import) -> str:
        """The status, with how far it is, or the error on hover."""
        if run.status == ImportStatus.RUNNING:
            return show.meter(round(100 * run.progress), 100)
        return show.state(run, "status", STATUS_COLOURS, title=run.error)

    @admin.display(description="Kind", ordering="dry_run")
    def kind(self, run: Import) -> str:
        """Whether it only tried."""
        return show.badge("Dry run", "amber") if run.dry_run else show.badge("Real", "blue")


def _begin(run: Import, size: int) -> None:
    if size <= AT_ONCE and run.format == ImportFormat.CSV:
        importing.run_import(run.pk)
    else:
        queue.enqueue("leads.jobs.run_import", run.pk)
