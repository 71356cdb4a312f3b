"""Leads, contacts and everybody: one page for a person, three lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateFilter,
    RangeNumericFilter,
    TextFilter,
)
from unfold.decorators import display

from leads import queries, services
from leads.admin import growth, timeline
from leads.admin.forms import PersonForm, network_choices
from leads.admin.person_acts import BulkActs, PageActs
from leads.enums import Lifecycle, Stage
from leads.models import Contact, Lead, Person, Profile
from outreach.lib.admin import show
from outreach.lib.admin.base import ModelAdmin, refusable, user_of

STAGE_COLOURS = {
    Stage.QUALIFIED: "blue", Stage.CONTACTED: "blue", Stage.REPLIED: "green", Stage.WON: "green",
    Stage.DISQUALIFIED: "red", Stage.LOST: "red",
}  # fmt: skip
PAGE_OF = {Lifecycle.LEAD: "lead", Lifecycle.CONTACT: "contact", Lifecycle.ARCHIVED: "person"}


def person_url(person: Person) -> str:
    """The page a person is shown on now."""
    return show.admin_url(person, model=PAGE_OF[Lifecycle(person.lifecycle)])


class NetworkFilter(DropdownFilter):
    title = "network"
    parameter_name = "network"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return network_choices()[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        value = self.value()
        if not value:
            return queryset
        on_it = Profile.objects.filter(network=value).values("person_id")
        return queryset.filter(pk__in=on_it)


class ConsentFilter(DropdownFilter):
    title = "consent"
    parameter_name = "suppressed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "May be written to"), ("yes", "Said no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        if self.value() in ("yes", "no"):
            return queryset.filter(suppressed_at__isnull=self.value() == "no")
        return queryset


class LanguageFilter(TextFilter):
    title = "language code"
    parameter_name = "language"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        value = (self.value() or "").strip().replace("\0", "")
        return queryset.filter(language__in=(value, value.lower())) if value else queryset


class PersonAdmin(PageActs, BulkActs, ModelAdmin):
    """A person. ``proxied`` pages show one lifecycle and lead on to the right page when it changed."""

    form = PersonForm
    lifecycle: Lifecycle | None = None
    list_display = ("who", "addresses", "stage_shown", "score_shown", "tag_names", "consent_shown", "created")
    list_filter: tuple[Any, ...] = (
        ("stage", ChoicesDropdownFilter),
        ("tags", AutocompleteSelectFilter),
        NetworkFilter,
        ConsentFilter,
        LanguageFilter,
        ("score", RangeNumericFilter),
        ("found_by", AutocompleteSelectFilter),
        ("created_at", RangeDateFilter),
    )
    search_fields = ("display_name",)
    search_help_text = "Name, company, handle or e-mail address"
    ordering = ("-id",)
    change_form_outer_before_template = "admin/leads/person_before.html"
    change_form_outer_after_template = "admin/leads/person_after.html"
    empty_hint = "Import a file of people, add one by hand, or run a source to find some."
    empty_link = ("admin:leads_import_add", "Import people")
    fieldsets = (
        (None, {"fields": (("display_name", "company"), ("first_name", "last_name"), ("title", "website"),
                           ("country", "language"), "score")}),
    )  # fmt: skip
    add_fieldsets = (*fieldsets, ("First address", {"fields": (("network", "handle"),)}))

    # Permissions of the proxies are Person's.
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leads.view_person") or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.add_person")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leads.change_person")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leads.delete_person")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        rows = queries.with_profiles(super().get_queryset(request))
        return rows if self.lifecycle is None else rows.filter(lifecycle=self.lifecycle)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Person], search_term: str
    ) -> tuple[QuerySet[Person], bool]:
        return queries.search_people(search_term, queryset), False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None and "network" in form.base_fields:
            form.base_fields["network"].choices = network_choices()
        return form

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead on to the page of the person's lifecycle; the old address of a converted lead stays good."""
        if object_id.isdecimal() and self.has_view_permission(request):
            person = Person.objects.only("lifecycle").filter(pk=object_id).first()
            if person is not None and PAGE_OF[Lifecycle(person.lifecycle)] != self.opts.model_name:
                return HttpResponseRedirect(person_url(person))
        return super().change_view(request, object_id, form_url, extra_context)

    def panels(self, request: HttpRequest, instance: Person) -> dict[str, Any]:
        # Not the ones the list has prefetched: those come without their bios.
        theirs = Profile.objects.filter(person=instance).select_related("found_by").defer("recent_posts")
        profiles = theirs.order_by("network", "handle")
        return {
            "profiles": profiles,
            "growth": growth.chart(profiles),
            "growth_title": "Followers",
            "growth_options": growth.OPTIONS,
            "person_tags": instance.tags.all(),
            "timeline": timeline.newest(self.moments(instance)),
            "stage_badge": self.stage_shown(instance),
            "no": instance.suppressions.order_by("id").first() if instance.suppressed_at else None,
        }

    def moments(self, person: Person) -> Iterator[timeline.Moment]:
        """Everything the timeline shows."""
        yield from timeline.of_person(person)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        """Through the services, so that consent and the audit see it."""
        own = {name: form.cleaned_data[name] for name in PersonForm.Meta.fields if name in form.cleaned_data}
        with refusable():
            if change:
                stored = Person.objects.get(pk=obj.pk)
                services.update_person(stored, by=user_of(request), **own)
                return
            address = form.cleaned_data.get("network"), form.cleaned_data.get("handle")
            made = services.create_person(
                by=user_of(request), profiles=[address] if all(address) else (), **own
            )
            obj.pk, obj.lifecycle = made.pk, made.lifecycle

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: the services wrote everything."""

    # Sorting is offered by what an index has in order: anything else would sort everybody for a page of fifty.
    @admin.display(description="Person")
    def who(self, person: Person) -> str:
        """Name and what they do."""
        return show.stacked(person, ", ".join(filter(None, (person.title, person.company))))

    @admin.display(description="Addresses")
    def addresses(self, person: Person) -> str:
        """Up to three handles with their networks."""
        profiles = list(person.profiles.all())
        shown = [f"{profile.handle} ({profile.network})" for profile in profiles[:3]]
        return show.lines(shown + ([f"and {len(profiles) - 3} more"] if len(profiles) > 3 else []))

    @display(description="Stage")
    def stage_shown(self, person: Person) -> str:
        """The stage, with its reason on hover."""
        return show.state(person, "stage", STAGE_COLOURS, title=person.stage_reason)

    @admin.display(description="Tags")
    def tag_names(self, person: Person) -> str:
        """Tags, comma-separated."""
        return ", ".join(tag.name for tag in person.tags.all()) or show.EMPTY

    @admin.display(description="Score", ordering=F("score").desc(nulls_last=True))
    def score_shown(self, person: Person) -> object:
        """0 to 100, the best first."""
        return show.EMPTY if person.score is None else person.score

    @admin.display(description="Added", ordering="-id")
    def created(self, person: Person) -> object:
        """When we came to know of them; keys are given in that order."""
        return show.when(person.created_at)

    @admin.display(description="Consent")
    def consent_shown(self, person: Person) -> str:
        """Whether they may be written to."""
        return show.badge("Said no", "red") if person.suppressed_at else show.EMPTY


@admin.register(Person)
class EveryoneAdmin(PersonAdmin):
    """Everybody, the archived too."""

    list_filter = (("lifecycle", ChoicesDropdownFilter), *PersonAdmin.list_filter)


@admin.register(Lead)
class LeadAdmin(PersonAdmin):
    lifecycle = Lifecycle.LEAD


@admin.register(Contact)
class ContactAdmin(PersonAdmin):
    lifecycle = Lifecycle.CONTACT
    empty_hint = "A lead becomes a contact when you convert it: open a lead and press “Make a contact”."
    empty_link = ("admin:leads_lead_changelist", "Go to leads")
