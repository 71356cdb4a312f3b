"""What is to be looked at next and why it waits, and how much may be looked at a day."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant

from accounts.models import Account
from automation.admin.filters import NetworkFilter, network_choices
from automation.discovery import reasons, services
from automation.enums import LookKind, LookState, Priority
from automation.models import DiscoveryPlan, FrontierEntry
from outreach.lib import clock
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, chunked_ids, count, list_act, page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of

CHANGE, ADD = "automation.change_frontierentry", "automation.add_frontierentry"
LISTS = [choice for choice in LookKind.choices if choice[0] != LookKind.PROFILE]
STATES = {
    LookState.WAITING: "amber",
    LookState.QUEUED: "blue",
    LookState.DONE: "green",
    LookState.FAILED: "red",
    LookState.DROPPED: "grey",
}


class LookForm(ActForm):
    network = forms.ChoiceField()
    kind = forms.ChoiceField(choices=LISTS)
    query = forms.CharField(
        max_length=255,
        help_text="Search words or a hashtag; or the handle whose followers or commenters are read.",
    )
    account = forms.ModelChoiceField(
        Account.objects.none(), required=False, help_text="Who reads it. Empty: the least busy one that can."
    )

    def prepare(self) -> None:
        """Offer what is installed, and working accounts."""
        self.fields["network"].choices = network_choices()
        self.fields["account"].queryset = Account.objects.working().order_by("network", "handle")


@admin.register(FrontierEntry)
class FrontierEntryAdmin(Ledger):
    list_display = (
        "what",
        "network",
        "origin_shown",
        "state_shown",
        "why",
        "next_shown",
        "reader",
        "priority_shown",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter), ("origin", ChoicesDropdownFilter),
        ("priority", ChoicesDropdownFilter), NetworkFilter,
    )  # fmt: skip
    list_select_related = ("account", "profile", "source")
    search_fields = ("query",)
    search_help_text = "Search words, hashtag or handle"
    ordering = ("-id",)
    actions = ["hurry", "call_off"]
    actions_list = ["look_at"]
    actions_detail = ["hurry_one", "call_off_one"]
    fields = (
        ("what", "network"), ("state_shown", "origin_shown"), ("why_shown", "due_at"), ("reader", "task_shown"),
        ("profile_shown", "source_shown"), ("page", "tries"), ("created_at", "finished_at"),
    )  # fmt: skip
    readonly_fields = (
        "what", "state_shown", "origin_shown", "why_shown", "reader", "task_shown", "profile_shown", "source_shown",
    )  # fmt: skip
    empty_hint = "Pages and profiles to be read stand here in order, each with why it waits. Run a source and they come."
    empty_link = ("admin:automation_source_changelist", "Go to sources")

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """Why each waits."""
        whys = reasons.explain(rows)
        for row in rows:
            row.why = whys[row.pk]

    def offered(self, instance: FrontierEntry) -> set[str]:
        return {"hurry_one", "call_off_one"} if instance.state == LookState.WAITING else set()

    @list_act(
        "Look at", permission=ADD, form=LookForm, icon="travel_explore",
        explain="One page of a search, or of somebody's followers or commenters; whom it shows is read next.",
    )  # fmt: skip
    def look_at(self, request: HttpRequest, data: dict[str, Any]) -> str:
        wanted = {name: data[name] for name in ("network", "kind", "query", "account")}
        entry = services.look(**wanted, by=user_of(request))
        return show.joined(show.link(show.admin_url(entry), entry), "is to be read.")

    @bulk_act("Read first", permission=CHANGE)
    def hurry(self, request: HttpRequest, chosen: QuerySet[FrontierEntry], data: dict[str, Any]) -> str:
        done = sum(services.run_now(ids, by=user_of(request)) for ids in chunked_ids(chosen))
        return f"{count(done, 'entry comes', 'entries come')} first."

    @bulk_act("Call off", permission=CHANGE)
    def call_off(self, request: HttpRequest, chosen: QuerySet[FrontierEntry], data: dict[str, Any]) -> str:
        done = sum(services.call_off(ids, by=user_of(request)) for ids in chunked_ids(chosen))
        return f"{count(done, 'entry', 'entries')} called off."

    @page_act(
        "Read first", permission=CHANGE, icon="bolt", variant=ActionVariant.PRIMARY,
        explain="It comes before whatever waits. The day's plan and the account's limits still hold.",
    )  # fmt: skip
    def hurry_one(self, request: HttpRequest, entry: FrontierEntry, data: dict[str, Any]) -> str:
        return "It comes first." if services.run_now([entry.pk], by=user_of(request)) else ""

    @page_act("Call off", permission=CHANGE, icon="block", explain="It is not read.")
    def call_off_one(self, request: HttpRequest, entry: FrontierEntry, data: dict[str, Any]) -> str:
        return "It is not read." if services.call_off([entry.pk], by=user_of(request)) else ""

    @admin.display(description="Look at", ordering="query")
    def what(self, entry: FrontierEntry) -> str:
        """What is read."""
        page = f", page {entry.page + 1}" if entry.page else ""
        return show.stacked(entry.query, f"{entry.get_kind_display()}{page}")

    @admin.display(description="Because", ordering="origin")
    def origin_shown(self, entry: FrontierEntry) -> str:
        """Why it is looked at at all."""
        return show.stacked(entry.get_origin_display(), str(entry.source) if entry.source else "")

    @admin.display(description="State", ordering="state")
    def state_shown(self, entry: FrontierEntry) -> str:
        """Its state in its colour."""
        return show.state(entry, "state", STATES)

    @admin.display(description="Why")
    def why(self, entry: Any) -> str:
        """Why it waits, or how it ended."""
        return show.sentence(entry.why.text)

    @admin.display(description="Why")
    def why_shown(self, entry: FrontierEntry) -> str:
        """Why it waits, or how it ended."""
        return reasons.explain([entry])[entry.pk].text or show.EMPTY

    @admin.display(description="Goes on", ordering="due_at")
    def next_shown(self, entry: Any) -> str:
        """When it may be read, or was."""
        return show.when(entry.finished_at or entry.why.next_at)

    @admin.display(description="Read by")
    def reader(self, entry: FrontierEntry) -> str:
        """Whose lane it goes to."""
        return show.to(entry.account, entry.account.handle if entry.account else None)

    @admin.display(description="Urgency", ordering="priority")
    def priority_shown(self, entry: FrontierEntry) -> str:
        """What comes first."""
        urgent = entry.priority <= Priority.HIGH and entry.state == LookState.WAITING
        return show.badge(entry.get_priority_display(), "amber" if urgent else "grey")

    @admin.display(description="Task")
    def task_shown(self, entry: FrontierEntry) -> str:
        """The act it became."""
        return show.to(entry.task) if entry.task_id else show.EMPTY

    @admin.display(description="Profile")
    def profile_shown(self, entry: FrontierEntry) -> str:
        """Whose it is."""
        return show.to(entry.profile)

    @admin.display(description="Source")
    def source_shown(self, entry: FrontierEntry) -> str:
        """What brought it."""
        return show.to(entry.source)


class PlanForm(forms.ModelForm):
    network = forms.ChoiceField()

    class Meta:
        model = DiscoveryPlan
        fields = ("network", "daily_looks", "refresh_days", "expand", "opportunities_wanted")


@admin.register(DiscoveryPlan)
class DiscoveryPlanAdmin(ModelAdmin):
    form = PlanForm
    list_display = ("network", "today", "refresh_shown", "expand", "opportunities_shown")
    search_fields = ("network",)
    search_help_text = "A network's name"
    ordering = ("network",)
    fields = (("network", "daily_looks"), ("refresh_days", "expand"), "opportunities_wanted")
    empty_hint = (
        "How much is read on a network a day, and what for. A plan appears when something is first looked at."
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "network" in form.base_fields:
            form.base_fields["network"].choices = network_choices()
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("network",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: what was used today would be forgotten."""
        return False

    def save_model(self, request: HttpRequest, obj: DiscoveryPlan, form: Any, change: bool) -> None:
        """Through the service, which audits it."""
        with refusable():
            services.save_plan(obj, by=user_of(request))

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """How many opportunities each has at hand."""
        at_hand = services.at_hand()
        today = clock.database_now().date()
        for row in rows:
            row.at_hand, row.left_today = at_hand.get(row.network, 0), row.left(today)

    @admin.display(description="Looks today")
    def today(self, plan: Any) -> str:
        """Used of today's."""
        return show.meter(plan.daily_looks - plan.left_today, plan.daily_looks)

    @admin.display(description="Read again after", ordering="refresh_days")
    def refresh_shown(self, plan: DiscoveryPlan) -> str:
        """The interval."""
        return f"about {count(plan.refresh_days, 'day')}"

    @admin.display(description="Posts to reply to", ordering="opportunities_wanted")
    def opportunities_shown(self, plan: Any) -> str:
        """At hand, of those wanted."""
        if not plan.opportunities_wanted:
            return "none wanted"
        return show.progress(min(plan.at_hand, plan.opportunities_wanted), plan.opportunities_wanted)
