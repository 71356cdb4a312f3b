"""How leads are judged: the decisions, whom we look for, and prompts compared on labelled leads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateFilter

from automation.admin import colours
from automation.discovery import qualification
from automation.discovery.qualification import agreement, quotas, trials
from automation.enums import Judge, ModelSize
from automation.llm import purposes
from automation.models import Decision, PromptTrial, TargetGroup
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, count, each, list_act, page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of

JUDGE = "automation.add_decision"


@admin.register(Decision)
class DecisionAdmin(Ledger):
    list_display = ("person_shown", "verdict_shown", "reason", "evidence_shown", "who", "created_at")
    list_filter = (
        ("verdict", ChoicesDropdownFilter), ("judge", ChoicesDropdownFilter), ("suspicious", BooleanRadioFilter),
        ("held", BooleanRadioFilter), ("created_at", RangeDateFilter),
    )  # fmt: skip
    list_select_related = ("person", "rule", "decided_by", "group")
    search_fields = ("person__display_name", "reason")
    search_help_text = "The person's name, or words of the reason"
    ordering = ("-id",)
    list_before_template = "admin/automation/agreement.html"
    actions = ["call_right", "call_wrong"]
    actions_detail = ["right", "wrong"]
    fields = (
        ("person_shown", "verdict_shown"), "reason", "evidence_shown", ("who", "group", "score"),
        ("tokens", "call", "created_at"),
    )  # fmt: skip
    readonly_fields = ("person_shown", "verdict_shown", "evidence_shown", "who")
    empty_hint = (
        "Leads are judged when their profiles are read, or by “Qualify by the rules” on the Leads list."
    )
    empty_link = ("admin:leads_lead_changelist", "Go to leads")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under how far rules and models agree with people."""
        context = {"agreements": agreement.decided(), "agreement_title": "Agreement with people's labels"}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def offered(self, instance: Decision) -> set[str]:
        return set() if instance.judge == Judge.PERSON or instance.verdict == "open" else {"right", "wrong"}

    @page_act(
        "Right",
        permission=JUDGE,
        icon="thumb_up",
        explain="Your own judgement, and a label that models are held to.",
    )
    def right(self, request: HttpRequest, decision: Decision, data: dict[str, Any]) -> str:
        return self._label(request, decision, right=True)

    @page_act(
        "Wrong",
        permission=JUDGE,
        icon="thumb_down",
        explain="The opposite becomes your own judgement, and a label.",
    )
    def wrong(self, request: HttpRequest, decision: Decision, data: dict[str, Any]) -> str:
        return self._label(request, decision, right=False)

    @bulk_act("Label as right", permission=JUDGE)
    def call_right(self, request: HttpRequest, chosen: QuerySet[Decision], data: dict[str, Any]) -> str:
        return self._label_many(request, chosen, right=True)

    @bulk_act("Label as wrong", permission=JUDGE)
    def call_wrong(self, request: HttpRequest, chosen: QuerySet[Decision], data: dict[str, Any]) -> str:
        return self._label_many(request, chosen, right=False)

    def _label(self, request: HttpRequest, decision: Decision, *, right: bool) -> str:
        made = qualification.label(decision, right=right, by=user_of(request))
        return f"{decision.person}: {made.get_verdict_display().lower()}, by you."

    def _label_many(self, request: HttpRequest, chosen: QuerySet[Decision], *, right: bool) -> str:
        rows = list(chosen.exclude(judge=Judge.PERSON).select_related("person"))
        done = each(request, rows, lambda one: qualification.label(one, right=right, by=user_of(request)))
        return f"{count(done, 'judgement')} labelled as {'right' if right else 'wrong'}."

    @admin.display(description="Person")
    def person_shown(self, decision: Decision) -> str:
        """Who was judged."""
        return show.to(decision.person)

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_shown(self, decision: Decision) -> str:
        """The verdict in its colour, and what keeps it from taking effect."""
        verdict = show.state(decision, "verdict", colours.VERDICT)
        if decision.suspicious:
            title = "Words of the profile give orders to a model: a person decides."
            return show.joined(verdict, show.badge("suspicious", "amber", title=title))
        held = show.badge("waits", "amber", title="Its group's quota of the day was used up.")
        return show.joined(verdict, held) if decision.held else verdict

    @admin.display(description="Evidence")
    def evidence_shown(self, decision: Decision) -> str:
        """The words it rests on."""
        return format_html("“{}”", decision.evidence) if decision.evidence else show.EMPTY

    @admin.display(description="By", ordering="judge")
    def who(self, decision: Decision) -> str:
        """The person, the rule, or the model and its prompt."""
        if decision.judge == Judge.MODEL:
            return show.stacked(decision.model, f"prompt {decision.version}")
        return str(decision.decided_by or decision.rule or decision.get_judge_display())


class GroupForm(forms.ModelForm):
    class Meta:
        model = TargetGroup
        fields = ("name", "description", "active", "daily_quota")
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}


@admin.register(TargetGroup)
class TargetGroupAdmin(ModelAdmin):
    form = GroupForm
    list_display = ("name", "about", "quota_shown", "active")
    list_filter = (("active", BooleanRadioFilter),)
    search_fields = ("name", "description")
    search_help_text = "A name, or words of the description"
    ordering = ("name",)
    fields = (("name", "daily_quota"), "description", "active")
    empty_hint = "Describe whom you look for: the model judges by it, and a quota says how many a day."

    def save_model(self, request: HttpRequest, obj: TargetGroup, form: Any, change: bool) -> None:
        """Through the service, which audits it."""
        with refusable():
            quotas.save_group(obj, by=user_of(request))

    @admin.display(description="Who belongs to it")
    def about(self, group: TargetGroup) -> str:
        """The start of its description."""
        return show.stacked(group.description[:60] + ("…" if len(group.description) > 60 else ""))

    @admin.display(description="Today")
    def quota_shown(self, group: TargetGroup) -> str:
        """How much of the day's quota is used."""
        return (
            "any number"
            if group.daily_quota is None
            else show.meter(quotas.taken_today(group), group.daily_quota)
        )


class TrialForm(ActForm):
    version = forms.ChoiceField(label="Prompt")
    size = forms.ChoiceField(label="Model", choices=ModelSize.choices, initial=ModelSize.SMALL)

    def prepare(self) -> None:
        """Offer the versions there are."""
        field = self.fields["version"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(name, f"Prompt {name}") for name in purposes.qualification.PURPOSE.versions]


@admin.register(PromptTrial)
class PromptTrialAdmin(Ledger):
    list_display = (
        "person_shown",
        "verdict_shown",
        "prompt",
        "reason",
        "evidence_shown",
        "tokens",
        "created_at",
    )
    list_filter = (("verdict", ChoicesDropdownFilter), ("size", ChoicesDropdownFilter))
    list_select_related = ("person",)
    search_fields = ("person__display_name", "version")
    search_help_text = "The person's name, or a version"
    ordering = ("-id",)
    list_before_template = "admin/automation/agreement.html"
    actions_list = ["try_one"]
    fields = (
        ("person_shown", "verdict_shown"),
        "reason",
        "evidence_shown",
        ("prompt", "tokens", "call", "created_at"),
    )
    readonly_fields = ("person_shown", "verdict_shown", "prompt", "evidence_shown")
    empty_hint = "Label some judgements as right or wrong, then try prompts on them: here they are compared on the same leads."
    empty_link = ("admin:automation_decision_changelist", "Go to decisions")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under the comparison."""
        context = {"agreements": agreement.tried(), "agreement_title": "Prompts on the same labelled leads"}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @list_act(
        "Try a prompt", permission="automation.add_prompttrial", form=TrialForm, icon="science",
        explain="It judges the leads that people have labelled, up to 200, and is paid for like any judging. No lead changes.",
    )  # fmt: skip
    def try_one(self, request: HttpRequest, data: dict[str, Any]) -> str:
        leads = trials.start(version=data["version"], size=data["size"], by=user_of(request))
        return f"Prompt {data['version']} is being tried on {count(leads, 'labelled lead')}."

    @admin.display(description="Person")
    def person_shown(self, trial: PromptTrial) -> str:
        """Who was judged."""
        return show.to(trial.person)

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_shown(self, trial: PromptTrial) -> str:
        """The verdict in its colour."""
        return show.state(trial, "verdict", colours.VERDICT)

    @admin.display(description="Prompt", ordering="version")
    def prompt(self, trial: PromptTrial) -> str:
        """Version and model."""
        return show.stacked(f"Prompt {trial.version}", trial.model)

    @admin.display(description="Evidence")
    def evidence_shown(self, trial: PromptTrial) -> str:
        """The words it rests on."""
        return format_html("“{}”", trial.evidence) if trial.evidence else show.EMPTY
