"""Steps of a campaign as one flat form each: what, after how long, and up to three wordings."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.admin import StackedInline
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from automation.campaigns.services import StepSpec, VariantSpec
from automation.enums import CampaignStatus, StepKind
from automation.models import Campaign, Step, Variant
from outreach.lib.admin.formsets import ReadFormSet

WORDINGS = ("A", "B", "C")
UNITS = {"minutes": 60, "hours": 3_600, "days": 86_400}
PLACEHOLDERS = "{first_name}, {display_name}, {handle}, {company} and {title} are filled in."


class StepForm(forms.ModelForm):
    """``wording_a`` to ``wording_c`` are the step's variants; people are spread over those that are filled in."""

    delay_amount = forms.IntegerField(
        min_value=0, initial=0, required=False, label="After", widget=UnfoldAdminIntegerFieldWidget,
        help_text="How long after the step before.",
    )  # fmt: skip
    delay_unit = forms.ChoiceField(
        choices=[(name, name) for name in UNITS], initial="days", label="Unit", widget=UnfoldAdminSelectWidget
    )
    subject = forms.CharField(
        required=False, max_length=255, help_text="E-mail only.", widget=UnfoldAdminTextInputWidget
    )
    wording_a = forms.CharField(
        required=False,
        label="Wording A",
        help_text=PLACEHOLDERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    wording_b = forms.CharField(
        required=False, label="Wording B", help_text="A second wording, to compare.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )  # fmt: skip
    wording_c = forms.CharField(
        required=False, label="Wording C", widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )

    class Meta:
        model = Step
        fields = ("position", "kind")
        help_texts = {"position": "Steps run in this order; empty: after the others."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        if self.instance.pk:
            self._fill_from(self.instance)

    def _fill_from(self, step: Step) -> None:
        unit = next(
            (name for name in ("days", "hours") if step.delay and step.delay % UNITS[name] == 0), "minutes"
        )
        self.initial["delay_amount"] = round(step.delay / UNITS[unit])
        self.initial["delay_unit"] = unit if step.delay else "days"
        for variant in step.variants.all():
            self.initial[f"wording_{variant.name.lower()}"] = variant.text
            self.initial["subject"] = variant.subject or self.initial.get("subject", "")

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"campaign", "position"}  # type: ignore[misc]

    def spec(self) -> StepSpec:
        """The step as the service takes it."""
        kind = self.cleaned_data["kind"]
        return StepSpec(kind, self._delay(), self._wordings() if kind != StepKind.WAIT else ())

    def _wordings(self) -> tuple[VariantSpec, ...]:
        """The typed wordings with the weights they had, and those with other names, which only the API makes."""
        known = (
            {variant.name: variant for variant in self.instance.variants.all()} if self.instance.pk else {}
        )
        typed = {name: self.cleaned_data.get(f"wording_{name.lower()}", "").strip() for name in WORDINGS}
        others = {name: variant.text for name, variant in known.items() if name not in WORDINGS}
        return tuple(
            VariantSpec(
                name=name,
                text=text,
                subject=self._subject(known.get(name)),
                weight=known[name].weight if name in known else 1,
            )
            for name, text in (typed | others).items()
            if text
        )

    def _subject(self, variant: Variant | None) -> str:
        """The typed subject for every wording; each keeps its own as long as nobody edits it."""
        return (
            variant.subject
            if variant and "subject" not in self.changed_data
            else self.cleaned_data.get("subject", "")
        )

    def _delay(self) -> float:
        typed = (self.cleaned_data.get("delay_amount") or 0) * UNITS[self.cleaned_data["delay_unit"]]
        touched = {"delay_amount", "delay_unit"} & set(self.changed_data)
        # A delay that no whole number of minutes expresses came from the API; leave it unless somebody edits it.
        return float(self.instance.delay if self.instance.pk and not touched else typed)


class StepFormSet(ReadFormSet):
    def validate_unique(self) -> None:
        """Positions only say the order; the service numbers the steps."""

    def specs(self) -> list[StepSpec]:
        """The steps that are to be, in order."""
        kept: list[Any] = [
            form
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE") and form.cleaned_data.get("kind")
        ]
        return [form.spec() for form in sorted(kept, key=_place)]


def _place(form: Any) -> float:
    position = form.cleaned_data.get("position")
    return float("inf") if position is None else position


class StepInline(StackedInline):
    model = Step
    form = StepForm
    formset = StepFormSet
    extra = 0
    fields = (
        ("position", "kind"),
        ("delay_amount", "delay_unit"),
        "subject",
        ("wording_a", "wording_b"),
        "wording_c",
    )
    show_change_link = False

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("variants").order_by("position")

    def has_add_permission(self, request: Any, obj: Campaign | None = None) -> bool:
        return request.user.has_perm("automation.change_campaign") and _is_draft(obj)

    def has_change_permission(self, request: Any, obj: Campaign | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: Any, obj: Campaign | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_view_permission(self, request: Any, obj: Campaign | None = None) -> bool:
        """A started campaign shows its steps in a panel instead."""
        return self.has_add_permission(request, obj)


def _is_draft(campaign: Campaign | None) -> bool:
    return campaign is None or campaign.status == CampaignStatus.DRAFT
