"""The list of those who said no."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from leads import consent
from leads.addresses import address_hash, normalise
from leads.admin.forms import NOS, network_choices
from leads.admin.person_acts import LIFT
from leads.admin.profiles import ProfileNetworkFilter
from leads.models import Suppression
from outreach.lib.admin import show
from outreach.lib.admin.acts import ReasonForm, page_act
from outreach.lib.admin.base import Ledger, refusable, user_of


class SuppressionForm(forms.ModelForm):
    """An address that must never be written to."""

    network = forms.ChoiceField()
    address = forms.CharField(max_length=255, help_text="E-mail address or handle, in any spelling.")
    reason = forms.ChoiceField(choices=NOS)

    class Meta:
        model = Suppression
        fields = ("network", "address", "reason", "detail")

    def validate_unique(self) -> None:
        """Suppressing twice is no mistake: the second time changes nothing."""


@admin.register(Suppression)
class SuppressionAdmin(Ledger):
    form = SuppressionForm
    list_display = (
        "address_shown",
        "network",
        "reason",
        "detail",
        "person_shown",
        "created_by",
        "created_at",
    )
    list_filter = (("reason", ChoicesDropdownFilter), ProfileNetworkFilter, ("created_at", RangeDateFilter))
    list_select_related = ("person", "created_by")
    search_fields = ("address",)
    search_help_text = "An address, in any spelling; erased ones are found too, when spelt in full"
    ordering = ("-id",)
    readonly_fields = ("address_shown", "person_shown", "created_by", "created_at")
    actions_detail = ["lift"]
    empty_hint = "Nobody has said no so far. Addresses that must never be written to can be added here."
    add_fieldsets = ((None, {"fields": (("network", "address"), ("reason", "detail"))}),)
    fieldsets = (
        (None, {"fields": (("address_shown", "network"), ("reason", "detail"), "person_shown",
                           ("created_by", "created_at"))}),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.add_suppression")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None and "network" in form.base_fields:
            form.base_fields["network"].choices = network_choices()
        return form

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        hashes = []
        for network, _ in network_choices()[1:]:
            try:
                hashes.append(address_hash(network, normalise(network, term)))
            except ValueError:
                continue
        return queryset.filter(Q(address_hash__in=hashes) | Q(address__icontains=term)), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        """Suppress the address and whoever has it."""
        data = form.cleaned_data
        with refusable():
            consent.suppress_address(
                network=data["network"], handle=data["address"], reason=data["reason"], detail=data["detail"],
                by=user_of(request),
            )  # fmt: skip
        digest = address_hash(data["network"], normalise(data["network"], data["address"]))
        obj.pk = Suppression.objects.get(network=data["network"], address_hash=digest).pk

    @page_act(
        "Lift", permission=LIFT, icon="undo", form=ReasonForm,
        explain="The person may be written to again, at every address, because they asked for it. Say who asked and when.",
    )  # fmt: skip
    def lift(self, request: HttpRequest, suppression: Suppression, data: dict[str, Any]) -> str:
        consent.lift(suppression=suppression, by=user_of(request), reason=data["reason"])
        return "Lifted. What was cancelled stays cancelled."

    @admin.display(description="Address", ordering="address")
    def address_shown(self, suppression: Suppression) -> str:
        """The address, unless its owner had it erased."""
        return suppression.address or "erased address"

    @admin.display(description="Person")
    def person_shown(self, suppression: Suppression) -> str:
        """Whose address it is, if we know."""
        return show.to(suppression.person)
