"""Lists of accounts being connected: uploaded, followed, stopped, and the rows that failed as a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant

from automation.enums import OnboardingState, RowState
from automation.models import OnboardingRun
from automation.onboarding import reading, reporting, services
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, refusable, user_of

STATE_COLOURS = {
    OnboardingState.RUNNING: "blue", OnboardingState.STOPPED: "amber", OnboardingState.COMPLETED: "green",
}  # fmt: skip
ROW_COLOURS = {
    RowState.CONNECTED: "green", RowState.FAILED: "red", RowState.VERIFYING: "blue", RowState.WAITING: "amber",
}  # fmt: skip
CHANGE = "automation.change_onboardingrun"
NEEDED = ("automation.add_onboardingrun", "accounts.add_account", "accounts.add_credential")
COLUMNS = "network, handle, server, role, niche, time_zone, proxy, and what its network needs to sign in (token, password, …)"


class OnboardingForm(forms.ModelForm):
    file = forms.FileField(
        help_text=f"CSV with a header row. Columns: {COLUMNS}. Secrets are kept encrypted; the file is not kept."
    )

    class Meta:
        model = OnboardingRun
        fields = ("at_once",)


@admin.register(OnboardingRun)
class OnboardingRunAdmin(Ledger):
    form = OnboardingForm
    list_display = (
        "name",
        "state_shown",
        "progress_shown",
        "connected",
        "failed",
        "created_by",
        "created_at",
    )
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("created_by",)
    search_fields = ("name",)
    search_help_text = "Part of a file's name"
    ordering = ("-id",)
    actions_detail = ["stop", "go_on"]
    change_form_outer_before_template = "admin/automation/onboarding_before.html"
    change_form_outer_after_template = "admin/automation/onboarding_after.html"
    empty_hint = "Upload a CSV file of accounts you own: each is verified with its network, three at a time."
    add_fieldsets = ((None, {"fields": ("file", "at_once")}),)
    fieldsets = ((None, {"fields": (("name", "at_once"), ("created_by", "created_at", "finished_at"))}),)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may add an account with its credentials by hand, and runs."""
        return bool(request.user.has_perms(NEEDED))

    def offered(self, instance: OnboardingRun) -> set[str]:
        return {OnboardingState.RUNNING: {"stop"}, OnboardingState.STOPPED: {"go_on"}}.get(
            OnboardingState(instance.state), set()
        )

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """How far all listed runs are, in one query."""
        found = reporting.standings(rows)
        for run in rows:
            run.standing = found[run.pk]

    def save_model(self, request: HttpRequest, obj: OnboardingRun, form: Any, change: bool) -> None:
        """Read the file and begin; a file that cannot be used is refused with the reason."""
        file = form.cleaned_data["file"]
        with refusable():
            if file.size > reading.MAX_BYTES:
                raise ValueError(f"The file is larger than {reading.MAX_BYTES // 1_000_000} MB. Split it.")
            entries = reading.read_csv(file.read())
            run = services.start(
                name=file.name, entries=entries, by=user_of(request), at_once=form.cleaned_data["at_once"]
            )
        obj.pk, obj.name = run.pk, run.name

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "automation_onboardingrun"
        return [
            path("<int:pk>/progress/", wrap(self.progress_view), name=f"{name}_progress"),
            path("<int:pk>/failed.csv", wrap(self.failed_view), name=f"{name}_failed"),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The figures of a run as they are now; the page asks for them while it runs."""
        run = self._run(request, pk)
        return TemplateResponse(request, "admin/automation/onboarding_progress.html", figures(run))

    def failed_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The failed rows with their reasons, without secrets."""
        run = self._run(request, pk)
        answer = StreamingHttpResponse(reporting.failed_rows(run), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="onboarding-{run.pk}-failed.csv"'
        return answer

    def _run(self, request: HttpRequest, pk: int) -> OnboardingRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_queryset(request).filter(pk=pk).first()
        if run is None:
            raise Http404("There is no such onboarding.")
        return run

    def panels(self, request: HttpRequest, instance: OnboardingRun) -> dict[str, Any]:
        rows = instance.rows.select_related("account").defer("secret")
        state = request.GET.get("state", "")
        if state in RowState.values:
            rows = rows.filter(state=state)
        page = Paginator(rows, 100).get_page(request.GET.get("page"))
        return {
            **figures(instance),
            "rows_page": page,
            "rows": [(row, show.state(row, "state", ROW_COLOURS)) for row in page],
            "row_states": RowState.choices,
            "row_state": state,
        }

    @page_act(
        "Stop", permission=CHANGE, icon="pause",
        explain="No more accounts are begun. Those being verified end as they will; it can go on later.",
    )  # fmt: skip
    def stop(self, request: HttpRequest, run: OnboardingRun, data: dict[str, Any]) -> str:
        services.stop(run=run, by=user_of(request))
        return "It is stopped."

    @page_act(
        "Go on", permission=CHANGE, icon="play_arrow", variant=ActionVariant.PRIMARY,
        explain="It goes on with the accounts that were not begun.",
    )  # fmt: skip
    def go_on(self, request: HttpRequest, run: OnboardingRun, data: dict[str, Any]) -> str:
        services.go_on(run=run, by=user_of(request))
        return "It goes on."

    @admin.display(description="State", ordering="state")
    def state_shown(self, run: OnboardingRun) -> str:
        """The state in its colour."""
        return show.state(run, "state", STATE_COLOURS)

    @admin.display(description="Done")
    def progress_shown(self, run: Any) -> str:
        """How many of its rows are done."""
        standing = run.standing
        return show.progress(standing.connected + standing.known + standing.failed, standing.rows)

    @admin.display(description="Connected")
    def connected(self, run: Any) -> int:
        """Rows whose account works."""
        return int(run.standing.connected)

    @admin.display(description="Failed")
    def failed(self, run: Any) -> str:
        """Rows that need somebody."""
        return show.badge(run.standing.failed, "red") if run.standing.failed else "0"


def figures(run: OnboardingRun) -> dict[str, Any]:
    """What the progress of a run shows."""
    standing = reporting.standing(run)
    return {
        "run": run,
        "standing": standing,
        "running": run.state == OnboardingState.RUNNING,
        "shares": [
            (colour, 100 * count / max(1, standing.rows))
            for colour, count in (
                ("green", standing.connected + standing.known), ("red", standing.failed), ("blue", standing.verifying),
            )
        ],
        "tiles": [
            ("Rows", standing.rows, ""), ("Connected", standing.connected, "green"), ("Connected before", standing.known, ""),
            ("Being verified", standing.verifying, "blue" if standing.verifying else ""), ("Queued", standing.queued, ""),
            ("Wait for their network", standing.waiting, "amber" if standing.waiting else ""),
            ("Failed", standing.failed, "red" if standing.failed else ""),
        ],
        "progress_url": reverse("admin:automation_onboardingrun_progress", args=[run.pk]),
        "failed_url": reverse("admin:automation_onboardingrun_failed", args=[run.pk]) if standing.failed else "",
    }  # fmt: skip
