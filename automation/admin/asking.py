"""The language model: how it is reached, what it costs, and every call that was made."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.enums import ActionVariant

from automation.admin import colours
from automation.asking import budget, configuration, spend
from automation.enums import FailureKind
from automation.llm import purposes
from automation.models import LlmCall, LlmPrice, LlmSettings, LlmText
from automation.models.asking import MICRO
from outreach.lib import queue
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of

REPLAY = "automation.replay_llmcall"


class SettingsForm(forms.ModelForm):
    new_key = forms.CharField(
        required=False, strip=True, label="API key", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown. Empty keeps the one there is; a new endpoint needs its key again.",
    )  # fmt: skip
    forget_key = forms.BooleanField(
        required=False, help_text="Forget the key; endpoints without keys need none."
    )
    judge_version = forms.ChoiceField(
        help_text="Which prompt judges leads; compare versions under Prompt trials."
    )

    class Meta:
        model = LlmSettings
        fields = configuration.FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version = self.fields.get("judge_version")  # who may only look gets no fields
        if isinstance(version, forms.ChoiceField):
            version.choices = [(name, f"Prompt {name}") for name in purposes.qualification.PURPOSE.versions]


@admin.register(LlmSettings)
class LlmSettingsAdmin(ModelAdmin):
    form = SettingsForm
    list_display = ("name", "reached_at", "models_shown", "budget_shown", "tier_shown", "key_shown")
    search_fields = ("url",)
    search_help_text = "Part of the endpoint's address"
    fieldsets = (
        ("Endpoint", {"fields": ("url", ("new_key", "forget_key"), ("answer_form", "length_name"))}),
        ("Models", {"fields": (("good_model", "small_model"),)}),
        (
            "Budget",
            {"fields": (("budget", "budget_window"), ("calls_at_once", "answer_seconds"), "cache_days")},
        ),
        ("Judging leads", {"fields": ("judge_leads", ("judge_batch", "judge_version"))}),
    )
    empty_hint = (
        "No model is set up: rules, templates and people do all the work. Add a price, then an endpoint."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row."""
        return super().has_add_permission(request) and not LlmSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: emptying the endpoint turns it off."""
        return False

    def save_model(self, request: HttpRequest, obj: LlmSettings, form: Any, change: bool) -> None:
        """Every field is checked and audited by the service; there is one row, whoever adds it."""
        given = {name: form.cleaned_data[name] for name in configuration.FIELDS if name in form.cleaned_data}
        key = "" if form.cleaned_data.get("forget_key") else form.cleaned_data.get("new_key") or None
        with refusable():
            obj.pk = configuration.change(by=user_of(request), key=key, **given).pk

    @admin.display(description="Language model")
    def name(self, held: LlmSettings) -> str:
        """Its name."""
        return str(held)

    @admin.display(description="Endpoint")
    def reached_at(self, held: LlmSettings) -> str:
        """Where it is asked."""
        found = configuration.endpoint(held)
        return found.url if found else show.badge("not set up", "amber")

    @admin.display(description="Models")
    def models_shown(self, held: LlmSettings) -> str:
        """Good and small."""
        return show.stacked(
            held.good_model or show.EMPTY, f"small: {held.small_model}" if held.small_model else ""
        )

    @admin.display(description="Budget")
    def budget_shown(self, held: LlmSettings) -> str:
        """The amount and its window."""
        return f"{held.budget:,.2f} {held.get_budget_window_display().lower()}"

    @admin.display(description="Tier")
    def tier_shown(self, held: LlmSettings) -> str:
        """The tier now and why."""
        standing = budget.standing(held)
        return show.stacked(standing.tier.name, standing.why)

    @admin.display(description="Key", boolean=True)
    def key_shown(self, held: LlmSettings) -> bool:
        """Whether there is one; never which."""
        found = configuration.endpoint(held)
        return bool(found and found.key)


@admin.register(LlmPrice)
class LlmPriceAdmin(ModelAdmin):
    list_display = ("model", "input_price", "output_price")
    search_fields = ("model",)
    search_help_text = "A model's name"
    fields = ("model", ("input_price", "output_price"))
    empty_hint = "Add what a model's tokens cost; a model without a price is not called. 0 is a price."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A price stays with its model."""
        return ("model",) if obj else ()

    def save_model(self, request: HttpRequest, obj: LlmPrice, form: Any, change: bool) -> None:
        """Through the service, which audits it."""
        prices = {name: form.cleaned_data[name] for name in configuration.PRICE_FIELDS}
        with refusable():
            obj.pk = configuration.set_price(model=obj.model, by=user_of(request), **prices).pk


@admin.register(LlmCall)
class LlmCallAdmin(Ledger):
    list_display = ("call", "state_shown", "model", "tokens_shown", "cost_shown", "tries", "created_at")
    list_filter = (
        ("state", ChoicesDropdownFilter), ("failure", ChoicesDropdownFilter), ("created_at", RangeDateFilter),
    )  # fmt: skip
    search_fields = ("purpose", "model")
    search_help_text = "A purpose or a model"
    ordering = ("-id",)
    list_before_template = "admin/automation/llmcalls_before.html"
    change_form_outer_after_template = "admin/automation/llmcall_after.html"
    actions_detail = ["ask_again"]
    fields = (
        ("call", "state_shown"), ("model", "size"), ("tokens_shown", "cost_shown", "reserved_shown"), "detail",
        ("tries", "created_at", "finished_at"), ("replay_shown", "asked_by"),
    )  # fmt: skip
    readonly_fields = ("call", "state_shown", "tokens_shown", "cost_shown", "reserved_shown", "replay_shown")
    empty_hint = (
        "The model has not been asked yet. It is when an endpoint is set up and rules leave leads open."
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under what was spent on what."""
        found = spend.seen()
        chart = {
            "labels": [f"{hour:%H:%M}" for hour in found.hours],
            "datasets": [
                {"label": "Spent", "data": found.by_hour, "backgroundColor": "var(--color-primary-600)"},
            ],
        }
        context = {"spend": found, "spend_chart": json.dumps(chart), "spend_options": CHART}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def panels(self, request: HttpRequest, instance: LlmCall) -> dict[str, Any]:
        """What was asked and answered, and how the same question went again."""
        text = LlmText.objects.filter(call=instance).first()
        others = LlmCall.objects.filter(replay_of=instance.replay_of_id or instance.pk).select_related(
            "text"
        )[:5]
        first = instance.replay_of
        again = [one for one in (first, *others) if one is not None and one.pk != instance.pk]
        return {
            "text": text,
            "schema": show.json(text.prompt.get("schema", {})) if text else "",
            "again": [(one, getattr(getattr(one, "text", None), "answer", "")) for one in again],
        }

    @page_act(
        "Ask again", permission=REPLAY, icon="replay", variant=ActionVariant.PRIMARY,
        explain="The same prompt goes to the same model once more, and is paid for once more. Nothing follows from the answer.",
    )  # fmt: skip
    def ask_again(self, request: HttpRequest, call: LlmCall, data: dict[str, Any]) -> str:
        queue.enqueue("automation.jobs.replay_call", call.pk, user_of(request).pk, dedupe=f"replay:{call.pk}")
        return "It is being asked again; the new answer will stand below."

    @admin.display(description="For", ordering="purpose")
    def call(self, call: LlmCall) -> str:
        """What it was for, and by which prompt."""
        return show.stacked(spend.label(call.purpose), f"prompt {call.version}")

    @admin.display(description="State", ordering="state")
    def state_shown(self, call: LlmCall) -> str:
        """How it ended; why, if badly."""
        badge = show.state(call, "state", colours.CALL)
        return show.stacked(badge, FailureKind(call.failure).label) if call.failure else badge

    @admin.display(description="Tokens", ordering="tokens_in")
    def tokens_shown(self, call: LlmCall) -> str:
        """Read and written."""
        return (
            f"{call.tokens_in:,} + {call.tokens_out:,}" if call.tokens_in or call.tokens_out else show.EMPTY
        )

    @admin.display(description="Cost", ordering="cost")
    def cost_shown(self, call: LlmCall) -> str:
        """In the currency."""
        return f"{call.cost / MICRO:,.6f}"

    @admin.display(description="Reserved")
    def reserved_shown(self, call: LlmCall) -> str:
        """The most it could have cost."""
        return f"{call.reserved / MICRO:,.6f}"

    @admin.display(description="Replay of")
    def replay_shown(self, call: LlmCall) -> str:
        """The call it repeats."""
        return show.to(call.replay_of)


CHART = json.dumps(
    {
        "responsive": True, "maintainAspectRatio": False, "animation": False, "plugins": {"legend": {"display": False}},
        "scales": {"x": {"grid": {"display": False}, "ticks": {"maxRotation": 0, "autoSkip": True}}, "y": {"beginAtZero": True}},
    }
)  # fmt: skip
