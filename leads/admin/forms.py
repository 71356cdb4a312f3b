"""What the acts on people ask for."""

from __future__ import annotations

from django import forms

from leads.enums import ExportFormat, Stage, SuppressionReason
from leads.models import Person, PersonList, Tag
from outreach.lib import networks
from outreach.lib.admin.acts import ActForm

NOS = [choice for choice in SuppressionReason.choices if choice[0] != SuppressionReason.ERASED]


class PersonForm(forms.ModelForm):
    """A person's own fields; a new one may bring a first address."""

    network = forms.ChoiceField(required=False, help_text="Where this address is.")
    handle = forms.CharField(
        required=False, max_length=255, help_text="Handle or e-mail address; more can be added later."
    )

    class Meta:
        model = Person
        fields = (
            "display_name", "first_name", "last_name", "company", "title", "website", "country", "language", "score",
        )  # fmt: skip

    def clean(self) -> dict[str, object]:
        """An address needs both halves, a person at least a name or an address."""
        data = super().clean() or self.cleaned_data
        if data.get("handle") and not data.get("network"):
            self.add_error("network", "Say on which network this address is.")
        named = any(
            data.get(name) for name in ("display_name", "first_name", "last_name", "company", "handle")
        )
        if not named and not self.instance.pk:
            raise forms.ValidationError("Give the person a name or an address.")
        return data


def network_choices() -> list[tuple[str, str]]:
    """Networks people have addresses on: every installed one, and e-mail."""
    known = {name: networks.get(name).label for name in networks.names()} | {"email": "E-mail"}
    return [("", "---------"), *sorted(known.items(), key=lambda item: item[1])]


class NoteForm(ActForm):
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 5}), label="Note")


class AddressForm(ActForm):
    network = forms.ChoiceField()
    handle = forms.CharField(max_length=255, label="Handle or address")

    def prepare(self) -> None:
        """Offer the networks of now."""
        self.fields["network"].choices = network_choices()


class NoForm(ActForm):
    reason = forms.ChoiceField(choices=NOS, initial=SuppressionReason.OPT_OUT)
    detail = forms.CharField(max_length=500, required=False, help_text="E.g. where they said so.")


class StageForm(ActForm):
    stage = forms.ChoiceField(choices=Stage.choices)
    reason = forms.CharField(max_length=500, required=False)


class TagsForm(ActForm):
    names = forms.CharField(
        label="Tags", max_length=500, help_text="Separated by commas. Tags that do not exist yet are made."
    )

    def prepare(self) -> None:
        """Remind of the tags there are."""
        known = ", ".join(Tag.objects.values_list("name", flat=True)[:20])
        if known:
            self.fields["names"].help_text = f"{self.fields['names'].help_text} Known: {known}"


class ListForm(ActForm):
    list = forms.ModelChoiceField(PersonList.objects.none())

    def prepare(self) -> None:
        """Offer the lists of now."""
        self.fields["list"].queryset = PersonList.objects.order_by("name")


class FormatForm(ActForm):
    format = forms.ChoiceField(choices=ExportFormat.choices)


def tag_names(typed: str) -> list[str]:
    """The names in a comma-separated text."""
    return [name.strip() for name in typed.split(",") if name.strip()]
