"""Where leads come from and how they are judged."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.enums import ActionVariant

from accounts.models import Account
from automation.admin import colours
from automation.admin.filters import NetworkFilter, network_choices
from automation.discovery import qualification, services
from automation.enums import SourceKind
from automation.models import QualificationRule, Source
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, count, each, list_act, page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of

CHANGE = "automation.change_source"
KINDS = [choice for choice in SourceKind.choices if choice[0] != SourceKind.MANUAL]


class HandlesForm(ActForm):
    account = forms.ModelChoiceField(
        Account.objects.none(), help_text="The account that reads them, on its network."
    )
    handles = forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), help_text="One a line.")

    def prepare(self) -> None:
        """Offer working accounts."""
        self.fields["account"].queryset = Account.objects.working().order_by("network", "handle")


class SourceForm(forms.ModelForm):
    kind = forms.ChoiceField(choices=KINDS)
    network = forms.ChoiceField()

    class Meta:
        model = Source
        fields = ("kind", "network", "query", "account", "max_pages")


@admin.register(Source)
class SourceAdmin(Ledger):
    form = SourceForm
    list_display = (
        "source",
        "network",
        "account",
        "standing",
        "pages_shown",
        "found",
        "duplicates",
        "qualified",
        "yield_shown",
        "last_run",
    )
    list_filter = (("kind", ChoicesDropdownFilter), NetworkFilter, ("active", BooleanRadioFilter))
    list_select_related = ("account",)
    search_fields = ("query",)
    search_help_text = "Search words, hashtag or handle"
    ordering = ("-id",)
    autocomplete_fields = ("account",)
    actions = ["run_many"]
    actions_list = ["queue_handles"]
    actions_detail = ["run", "stop"]
    add_fieldsets = ((None, {"fields": (("kind", "network"), ("query", "account"), "max_pages")}),)
    fields = (
        ("kind", "network"),
        ("query", "account"),
        ("standing", "pages_shown"),
        ("found", "duplicates", "qualified"),
        "yield_shown",
        ("last_run_at", "created_at"),
    )
    readonly_fields = (
        "standing",
        "pages_shown",
        "yield_shown",
        "found",
        "duplicates",
        "qualified",
        "last_run_at",
    )
    empty_hint = (
        "A source is a search, a profile's followers or the commenters of its posts; it finds new leads."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("automation.add_source")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "network" in form.base_fields:
            form.base_fields["network"].choices = [("", "---------"), *network_choices()]
        return form

    def offered(self, instance: Source) -> set[str]:
        return {"run", "stop"} if instance.active else {"run"}

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Nothing is read before it is run."""
        with refusable():
            obj.pk = services.add_source(by=user_of(request), **form.cleaned_data).pk

    @page_act(
        "Run", permission=CHANGE, icon="play_arrow", variant=ActionVariant.PRIMARY,
        explain="It is read from its beginning, up to its number of pages.",
    )  # fmt: skip
    def run(self, request: HttpRequest, source: Source, data: dict[str, Any]) -> str:
        entry = services.run_source(source=source, by=user_of(request))
        return show.link(show.admin_url(entry), "It is being read, page by page.")

    @page_act("Stop", permission=CHANGE, icon="stop", explain="No further pages are read.")
    def stop(self, request: HttpRequest, source: Source, data: dict[str, Any]) -> str:
        services.stop_source(source=source, by=user_of(request))
        return "No further pages are read."

    @bulk_act("Run", permission=CHANGE)
    def run_many(self, request: HttpRequest, chosen: Any, data: dict[str, Any]) -> str:
        done = each(
            request, list(chosen), lambda source: services.run_source(source=source, by=user_of(request))
        )
        return f"{count(done, 'source is', 'sources are')} being read."

    @list_act(
        "Add handles", permission="automation.add_source", form=HandlesForm, icon="playlist_add",
        explain="Profiles you know by name: they are added as leads and read at once.",
    )  # fmt: skip
    def queue_handles(self, request: HttpRequest, data: dict[str, Any]) -> str:
        handles = [line.strip() for line in data["handles"].splitlines() if line.strip()]
        account = data["account"]
        queued = services.queue_handles(
            network=account.network, handles=handles, account=account, by=user_of(request)
        )
        return f"{count(queued.added, 'profile')} added, {queued.known:,} known already."

    @admin.display(description="Source", ordering="query")
    def source(self, source: Source) -> str:
        """What is read."""
        return show.stacked(source.query, source.get_kind_display())

    @admin.display(description="State")
    def standing(self, source: Source) -> str:
        """Whether there is more to read."""
        if not source.active:
            return show.badge("Stopped")
        return show.badge("Read to its end", "blue") if source.exhausted else show.badge("Open", "green")

    @admin.display(description="Pages")
    def pages_shown(self, source: Source) -> str:
        """Pages read of those it may read."""
        return f"{source.pages} of {source.max_pages}"

    @admin.display(description="Yield")
    def yield_shown(self, source: Source) -> str:
        """The share of what it showed that was new to us, and of the new that fit."""
        seen = source.found + source.duplicates
        if not seen:
            return show.EMPTY
        fitting = f"{round(100 * source.qualified / source.found)} % of them fit" if source.found else ""
        return show.stacked(f"{round(100 * source.found / seen)} % new", fitting)

    @admin.display(description="Last run", ordering="last_run_at")
    def last_run(self, source: Source) -> str:
        """When it was last begun."""
        return show.when(source.last_run_at, none="never")


class WordsField(forms.CharField):
    """A list of words, typed with commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        words = value if isinstance(value, list) else str(value or "").split(",")
        return [word.strip() for word in words if word.strip()]

    def clean(self, value: Any) -> list[str]:
        words = self.to_python(value)
        for word in words:
            if len(word) > 64:
                raise forms.ValidationError(f'"{word[:64]}…" is longer than 64 characters.')
        return words


class RuleForm(forms.ModelForm):
    network = forms.ChoiceField(required=False, help_text="Empty: every network.")
    keywords = WordsField(
        required=False, help_text="Any of these in name, bio or posts; separated by commas."
    )
    languages = WordsField(required=False, help_text="Any of these, e.g. en, de; separated by commas.")

    class Meta:
        model = QualificationRule
        fields = (
            "name", "network", "position", "active", "verdict", "score", "keywords", "languages", "min_followers",
            "max_followers", "min_posts", "group",
        )  # fmt: skip

    def clean_languages(self) -> list[str]:
        """Language codes are short."""
        codes: list[str] = self.cleaned_data["languages"]
        if wrong := [code for code in codes if len(code) > 8]:
            raise forms.ValidationError(f"{wrong[0]} is no language code. Use codes such as en or pt-BR.")
        return codes

    def clean(self) -> dict[str, Any]:
        """Bounds that leave room."""
        data = super().clean() or self.cleaned_data
        low, high = data.get("min_followers"), data.get("max_followers")
        if low is not None and high is not None and low > high:
            self.add_error("max_followers", "The most followers are fewer than the fewest.")
        return data


@admin.register(QualificationRule)
class QualificationRuleAdmin(ModelAdmin):
    form = RuleForm
    list_display = ("position", "name", "verdict_shown", "conditions", "score", "network_shown", "active")
    list_display_links = ("name",)
    list_filter = (("verdict", ChoicesDropdownFilter), ("active", BooleanRadioFilter), NetworkFilter)
    search_fields = ("name",)
    search_help_text = "Part of a rule's name"
    ordering = ("position", "id")
    fieldsets = (
        (None, {"fields": (("name", "position"), ("verdict", "score"), ("network", "active"), "group")}),
        (
            "Conditions: all that are given must hold",
            {"fields": (("keywords", "languages"), ("min_followers", "max_followers", "min_posts"))},
        ),
    )  # fmt: skip
    empty_hint = "Rules judge new leads by words, language and followers; the first that matches decides."

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "network" in form.base_fields:
            form.base_fields["network"].choices = [("", "every network"), *network_choices()]
        return form

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_shown(self, rule: QualificationRule) -> str:
        """What it decides."""
        return show.state(rule, "verdict", colours.VERDICT)

    @admin.display(description="When")
    def conditions(self, rule: QualificationRule) -> str:
        """Its conditions in words."""
        return qualification.describe(rule)

    @admin.display(description="Network", ordering="network")
    def network_shown(self, rule: QualificationRule) -> str:
        """Where it counts."""
        return rule.network or "every"
