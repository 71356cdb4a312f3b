"""People who may be one: judged side by side, merged, and taken apart again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeNumericFilter
from unfold.enums import ActionVariant

from leads import duplicates, merging
from leads.enums import DuplicateStatus, MatchKind
from leads.models import Duplicate, Merge, Person
from leads.queries import with_profiles
from outreach.lib.admin import show
from outreach.lib.admin.acts import bulk_act, count, page_act
from outreach.lib.admin.base import Ledger, user_of

STATUS_COLOURS = {DuplicateStatus.OPEN: "amber", DuplicateStatus.MERGED: "green"}
LABELS = {
    "found_by_id": "Found by", "talks_with_id": "Talks with", "stage_reason": "Stage because",
}  # fmt: skip


def merge_url(one: int, other: int) -> str:
    """The page on which these two are merged side by side."""
    return reverse("admin:leads_duplicate_merge", args=[one, other])


@admin.register(Duplicate)
class DuplicateAdmin(Ledger):
    list_display = ("pair", "score_shown", "shared", "status_shown", "created_at")
    list_filter = (("status", ChoicesDropdownFilter), ("score", RangeNumericFilter))
    list_select_related = ("first", "second")
    search_fields = ("first__display_name", "second__display_name")
    search_help_text = "Part of either name"
    ordering = ("-score", "-id")
    actions = ["dismiss_many"]
    actions_detail = ["dismiss"]
    change_form_outer_before_template = "admin/leads/duplicate_before.html"
    fieldsets = (
        (None, {"fields": (("pair", "score_shown"), "shared", ("status_shown", "decided_by", "decided_at"))}),
    )
    readonly_fields = ("pair", "score_shown", "shared", "status_shown")
    empty_hint = (
        "Nobody looks like somebody else. Pairs appear here by themselves as people are found and imported."
    )

    def get_urls(self) -> list[Any]:
        """Adds the page of two people side by side."""
        merge = path(
            "merge/<int:one>/<int:other>/",
            self.admin_site.admin_view(self.merge_view),
            name="leads_duplicate_merge",
        )
        return [merge, *super().get_urls()]

    def offered(self, instance: Duplicate) -> set[str]:
        return {"dismiss"} if instance.status == DuplicateStatus.OPEN else set()

    def panels(self, request: HttpRequest, instance: Duplicate) -> dict[str, Any]:
        may = instance.status == DuplicateStatus.OPEN and request.user.has_perm("leads.add_merge")
        return {"merge_url": merge_url(instance.first_id, instance.second_id) if may else ""}

    def merge_view(self, request: HttpRequest, one: int, other: int) -> HttpResponse:
        """Both side by side with a choice for each field; POST merges ``other`` into ``one``."""
        if not request.user.has_perm("leads.add_merge"):
            raise PermissionDenied
        people = with_profiles(Person.objects.filter(pk__in=[one, other])).in_bulk()
        if len(people) < 2:
            raise Http404("One of these people is gone.")
        kept, gone = people[one], people[other]
        if request.method == "POST":
            return self._merge(request, kept, gone)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Merge {gone} into {kept}",
            "kept": kept, "gone": gone, "fields": _fields(kept, gone), "swap_url": merge_url(other, one),
            "silent": [str(person) for person in (kept, gone) if person.suppressed_at],
        }  # fmt: skip
        return TemplateResponse(request, "admin/leads/merge.html", context)

    def _merge(self, request: HttpRequest, kept: Person, gone: Person) -> HttpResponse:
        choose = {
            field: request.POST[field]
            for field in merging.FIELDS
            if request.POST.get(field) in ("kept", "gone")
        }
        try:
            record = merging.merge(kept=kept, gone=gone, by=user_of(request), choose=choose)
        except ValueError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        messages.success(request, f"{gone} is part of {kept} now. This can be taken back here.")
        return HttpResponseRedirect(show.admin_url(record))

    @page_act("Not the same", permission="leads.change_duplicate", icon="close")
    def dismiss(self, request: HttpRequest, pair: Duplicate, data: dict[str, Any]) -> str:
        duplicates.dismiss(pair, by=user_of(request))
        return "They stay two people, and the pair does not come back."

    @bulk_act("Not the same", permission="leads.change_duplicate")
    def dismiss_many(self, request: HttpRequest, chosen: Any, data: dict[str, Any]) -> str:
        done = sum(duplicates.dismiss(pair, by=user_of(request)) for pair in chosen.iterator(chunk_size=500))
        return f"{count(done, 'pair')} put aside."

    @admin.display(description="People")
    def pair(self, pair: Duplicate) -> str:
        """Both names."""
        return show.lines((pair.first, pair.second))

    @admin.display(description="Score", ordering="score")
    def score_shown(self, pair: Duplicate) -> str:
        """How sure the rules are."""
        return show.badge(pair.score, "green" if pair.score >= 90 else "amber")

    @admin.display(description="Both have")
    def shared(self, pair: Duplicate) -> str:
        """What they share, by kind."""
        lines = show.lines(
            f"{MatchKind(kind).label}: {', '.join(values)}"
            for kind, values in pair.evidence.items()
            if kind in MatchKind.values
        )
        return format_html(
            "<span>{}</span>", lines
        )  # one piece, or narrow screens set the lines side by side

    @admin.display(description="Status", ordering="status")
    def status_shown(self, pair: Duplicate) -> str:
        """Whether somebody judged it."""
        return show.state(pair, "status", STATUS_COLOURS)


def _fields(kept: Person, gone: Person) -> list[dict[str, Any]]:
    """One row of the page for each field at least one of them has."""
    rows = []
    for field in merging.FIELDS:
        name = field.removesuffix("_id")
        mine, other = _shown(kept, name), _shown(gone, name)
        if mine or other:
            label = LABELS.get(field, field.replace("_", " ").capitalize())
            rows.append(
                {
                    "name": field,
                    "label": label,
                    "kept": mine,
                    "gone": other,
                    "differ": mine != other,
                    "from": "kept" if mine else "gone",
                }
            )
    return rows


def _shown(person: Person, name: str) -> str:
    display = getattr(person, f"get_{name}_display", None)
    value = display() if display else getattr(person, name)
    return "" if value is None else str(value)


@admin.register(Merge)
class MergeAdmin(Ledger):
    list_display = ("what", "moved_shown", "created_by", "created_at", "undone_shown")
    list_select_related = ("kept", "created_by", "undone_by")
    search_fields = ("gone_name", "kept__display_name")
    search_help_text = "Part of either name"
    ordering = ("-id",)
    actions_detail = ["undo"]
    change_form_outer_before_template = "admin/leads/merge_before.html"
    fieldsets = (
        (
            None,
            {"fields": (("what", "moved_shown"), ("created_by", "created_at"), ("undone_by", "undone_at"))},
        ),
    )
    readonly_fields = ("what", "moved_shown")
    empty_hint = "Nobody was merged yet. Pairs that may be one wait under Duplicates."
    empty_link = ("admin:leads_duplicate_changelist", "Go to duplicates")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("changes")

    def offered(self, instance: Merge) -> set[str]:
        return set() if instance.undone_at else {"undo"}

    def panels(self, request: HttpRequest, instance: Merge) -> dict[str, Any]:
        origins = [
            {"label": LABELS.get(field, field.replace("_", " ").capitalize()), **told}
            for field, told in instance.values.items()
        ]
        return {"origins": origins, "has_panel": True}

    @page_act(
        "Undo", permission="leads.change_merge", icon="undo", variant=ActionVariant.PRIMARY,
        explain="Both are there again, everything as it was, unless it was changed since. A no said since stays with both.",
    )  # fmt: skip
    def undo(self, request: HttpRequest, record: Merge, data: dict[str, Any]) -> str:
        undone = merging.undo(record, by=user_of(request))
        stays = f" {count(len(undone.stays), 'value')} changed since and stayed." if undone.stays else ""
        return f"{undone.person} is a person of their own again.{stays}"

    @admin.display(description="Merge")
    def what(self, record: Merge) -> str:
        """Who into whom."""
        return show.stacked(f"{record.gone_name} into {record.kept or 'somebody deleted'}")

    @admin.display(description="Moved")
    def moved_shown(self, record: Merge) -> str:
        """How many rows, by kind."""
        return ", ".join(f"{number:,} {what}" for what, number in record.moved.items()) or show.EMPTY

    @admin.display(description="Undone", ordering="undone_at")
    def undone_shown(self, record: Merge) -> str:
        """When it was taken back, and by whom."""
        return show.when(record.undone_at)
