"""Limits and warm-ups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from accounts import services
from accounts.models import Limit, WarmUp
from accounts.windows import local_date
from outreach.lib import networks
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of
from outreach.lib.clock import database_now

WARM = "accounts.change_warmup"


def network_choices() -> list[tuple[str, str]]:
    """Installed networks by label."""
    return [("", "---------"), *((name, networks.get(name).label) for name in networks.names())]


class LimitForm(forms.ModelForm):
    network = forms.ChoiceField(required=False, help_text="For each account of this network …")
    limit = forms.IntegerField(min_value=0, help_text="Acts per window; 0 means never.")
    reserve = forms.IntegerField(
        min_value=0,
        required=False,
        initial=0,
        help_text="So many of them are kept for answers, posts that are due and what staff sends by hand.",
    )

    class Meta:
        model = Limit
        fields = ("account", "network", "kind", "window", "limit", "reserve")
        help_texts = {"account": "… or for one account only."}

    def clean_reserve(self) -> int:
        """0 where nothing was given; no more than the limit."""
        reserve = self.cleaned_data["reserve"] or 0
        limit = self.cleaned_data.get("limit")
        if limit is not None and reserve > limit:
            raise forms.ValidationError(f"That is more than the limit. Keep {limit} at most.")
        return reserve


@admin.register(Limit)
class LimitAdmin(ModelAdmin):
    form = LimitForm
    list_display = ("scope", "kind", "window", "limit", "reserve")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("window", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account",)
    search_fields = ("account__handle", "network")
    search_help_text = "An account's handle or a network"
    autocomplete_fields = ("account",)
    ordering = ("network", "account_id", "kind", "window")
    fields = (("network", "account"), ("kind", "window"), ("limit", "reserve"))
    empty_hint = (
        "Without limits only the sending gap slows an account down. Set one per network to begin with."
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "network" in form.base_fields:
            form.base_fields["network"].choices = network_choices()
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Limit | None = None) -> tuple[str, ...]:
        """What a limit is about cannot change; remove it and set another."""
        return ("account", "network", "kind", "window") if obj else ()

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:
        """Counts at once, in open windows too."""
        with refusable():
            written = services.set_limit(
                kind=obj.kind, limit=form.cleaned_data["limit"], reserve=form.cleaned_data["reserve"],
                by=user_of(request), account=obj.account, network=obj.network, window=obj.window,
            )  # fmt: skip
        obj.pk = written.pk

    def delete_model(self, request: HttpRequest, obj: Limit) -> None:
        services.remove_limit(
            kind=obj.kind, by=user_of(request), account=obj.account, network=obj.network, window=obj.window
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Limit]) -> None:
        for limit in queryset.select_related("account"):
            self.delete_model(request, limit)

    @admin.display(description="For", ordering="network")
    def scope(self, limit: Limit) -> str:
        """One account, or each account of a network."""
        return str(limit.account) if limit.account else f"each {limit.network} account"


@admin.register(WarmUp)
class WarmUpAdmin(Ledger):
    list_display = ("account", "kind", "today", "ramp", "started_on", "paused_on")
    list_filter = (("kind", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account",)
    search_fields = ("account__handle",)
    search_help_text = "An account's handle"
    autocomplete_fields = ("account",)
    ordering = ("-id",)
    add_fieldsets = ((None, {"fields": (("account", "kind"), ("start", "step", "ceiling"))}),)
    fields = (("account", "kind"), ("start", "step", "ceiling"), ("today", "started_on", "paused_on"))
    readonly_fields = ("today", "started_on", "paused_on")
    actions_detail = ["pause", "resume", "end"]
    empty_hint = "A warm-up lets a young account do a little more each day, up to a ceiling."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_warmup")

    def offered(self, instance: WarmUp) -> set[str]:
        return {"resume" if instance.paused_on else "pause", "end"}

    def save_model(self, request: HttpRequest, obj: WarmUp, form: Any, change: bool) -> None:
        """Begin today on the account's calendar."""
        with refusable():
            made = services.start_warm_up(
                account=obj.account,
                kind=obj.kind,
                start=obj.start,
                step=obj.step,
                ceiling=obj.ceiling,
                by=user_of(request),
            )
        obj.pk = made.pk

    @page_act(
        "Pause",
        permission=WARM,
        icon="pause",
        explain="The ramp stands still at today's figure and goes on limiting.",
    )
    def pause(self, request: HttpRequest, ramp: WarmUp, data: dict[str, Any]) -> str:
        services.pause_warm_up(account=ramp.account, kind=ramp.kind, by=user_of(request))
        return "The warm-up stands still."

    @page_act(
        "Resume", permission=WARM, icon="play_arrow", explain="The ramp rises again from where it stood."
    )
    def resume(self, request: HttpRequest, ramp: WarmUp, data: dict[str, Any]) -> str:
        services.resume_warm_up(account=ramp.account, kind=ramp.kind, by=user_of(request))
        return "The warm-up goes on."

    @page_act(
        "End", permission=WARM, icon="stop", explain="The ramp is dropped; other limits go on counting."
    )
    def end(self, request: HttpRequest, ramp: WarmUp, data: dict[str, Any]) -> str:
        services.end_warm_up(account=ramp.account, kind=ramp.kind, by=user_of(request))
        return "The warm-up has ended."

    @admin.display(description="Allowed today")
    def today(self, ramp: WarmUp) -> int | str:
        """What the ramp allows on the account's local day."""
        if ramp.pk is None:
            return show.EMPTY
        return ramp.limit_on(local_date(ramp.account, self.now()))

    def now(self) -> Any:
        """The database's time; read once per page."""
        request = getattr(self, "request", None)
        if request is None:
            return database_now()
        if not hasattr(request, "database_now"):
            request.database_now = database_now()
        return request.database_now

    @admin.display(description="Ramp")
    def ramp(self, ramp: WarmUp) -> str:
        """Start, step and ceiling."""
        return f"{ramp.start}, +{ramp.step} a day, up to {ramp.ceiling}"
