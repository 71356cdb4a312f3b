"""How our own brand could be called on each network, and what is still free."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from automation.enums import HandleState
from automation.handles import services
from automation.models import HandleCheck, HandleResult
from outreach.lib import networks
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger, refusable, user_of

COLOURS = {
    HandleState.FREE: "green",
    HandleState.TAKEN: "grey",
    HandleState.UNCLEAR: "amber",
    HandleState.QUEUED: "blue",
}


class HandleCheckForm(forms.ModelForm):
    networks = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="An account of yours on each looks: one profile a handle, within its limits.",
    )

    class Meta:
        model = HandleCheck
        fields = ("brand",)
        help_texts = {"brand": "Your own brand's name as you write it. Nothing is registered."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["networks"].choices = [  # type: ignore[attr-defined]
            (name, networks.get(name).label) for name in services.searchable()
        ]


@admin.register(HandleCheck)
class HandleCheckAdmin(Ledger):
    form = HandleCheckForm
    list_display = ("brand", "free", "taken", "open_shown", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("brand",)
    search_help_text = "Part of the brand's name"
    ordering = ("-id",)
    change_form_outer_before_template = "admin/automation/handles_before.html"
    empty_hint = "See how your own brand could be called on each network, and which names are free there."
    add_fieldsets = ((None, {"fields": ("brand", "networks")}),)
    fieldsets = ((None, {"fields": (("brand", "created_by", "created_at"),)}),)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The networks are asked for and are no column."""
        return ["brand", "created_by", "created_at"] if obj else ["brand"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("automation.add_handlecheck"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[HandleCheck]:
        counts = {
            f"{state}_count": Count("results", filter=Q(results__state=state)) for state in HandleState.values
        }
        return super().get_queryset(request).annotate(**counts)

    def save_model(self, request: HttpRequest, obj: HandleCheck, form: Any, change: bool) -> None:
        """Begin to look."""
        with refusable():
            check = services.start(
                brand=form.cleaned_data["brand"], networks=form.cleaned_data["networks"], by=user_of(request)
            )
        obj.pk = check.pk

    def panels(self, request: HttpRequest, instance: HandleCheck) -> dict[str, Any]:
        results = list(instance.results.order_by("network", "id"))
        by_network = groupby(results, key=lambda row: row.network)
        return {
            "looked_up": [told(name, list(rows)) for name, rows in by_network],
            "still": sum(row.state == HandleState.QUEUED for row in results),
        }

    @admin.display(description="Free")
    def free(self, check: Any) -> str:
        """How many handles nobody has."""
        return show.badge(check.free_count, "green") if check.free_count else "0"

    @admin.display(description="Taken")
    def taken(self, check: Any) -> int:
        """How many somebody has."""
        return int(check.taken_count)

    @admin.display(description="Open or unclear")
    def open_shown(self, check: Any) -> int:
        """How many nobody knows of yet."""
        return int(check.queued_count + check.unclear_count)


def told(network: str, rows: list[HandleResult]) -> tuple[str, str, list[tuple[HandleResult, str, str]]]:
    """A network's label, what holds for all of its handles, and each handle with its state and link."""
    label = networks.get(network).label if network in networks.names() else network
    details = {row.detail for row in rows}
    common = details.pop() if len(details) == 1 else ""
    return label, common, [
        (row, show.state(row, "state", COLOURS), show.link(row.url, row.handle)) for row in rows
    ]  # fmt: skip
