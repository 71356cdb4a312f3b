"""What can be done with one person, and with many."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.enums import ActionVariant

from leads import consent, exporting, segments, services
from leads.admin.forms import (
    AddressForm,
    FormatForm,
    ListForm,
    NoForm,
    NoteForm,
    StageForm,
    TagsForm,
    tag_names,
)
from leads.enums import Lifecycle
from leads.models import Person
from outreach.lib import queue
from outreach.lib.admin import show
from outreach.lib.admin.acts import ReasonForm, bulk_act, chunked_ids, count, page_act
from outreach.lib.admin.base import user_of

CHANGE, SUPPRESS, LIFT = "leads.change_person", "leads.add_suppression", "leads.delete_suppression"
FOR_GOOD = (
    "They are never written to again, on any network, and whatever is queued for them is cancelled. "
    "Only an administrator can take this back."
)


class PageActs:
    """Buttons on a person's page."""

    actions_detail = [
        "add_note",
        "convert",
        {
            "title": "More",
            "items": ["add_address", "tag_one", "set_stage", "archive", "restore", "suppress", "lift_no"],
        },
    ]

    def offered(self, person: Person) -> set[str]:
        """Acts that change something for this person."""
        acts = {"add_note", "add_address", "tag_one", "set_stage"}
        acts |= {"restore"} if person.lifecycle == Lifecycle.ARCHIVED else {"archive"}
        acts |= {"convert"} if person.lifecycle == Lifecycle.LEAD else set()
        acts |= {"lift_no"} if person.suppressed_at else {"suppress"}
        return acts | self.offered_above(person)

    def offered_above(self, person: Person) -> set[str]:
        """Acts that an app above adds."""
        return set()

    @page_act("Add note", permission=CHANGE, icon="sticky_note_2", form=NoteForm)
    def add_note(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        services.add_note(person, data["text"], by=user_of(request))
        return "The note was added."

    @page_act(
        "Make a contact", permission=CHANGE, icon="how_to_reg", explain="The lead moves to the contacts list.",
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def convert(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        services.convert_to_contact(person, by=user_of(request))
        return f"{person} is a contact now."

    @page_act("Add address", permission=CHANGE, icon="alternate_email", form=AddressForm)
    def add_address(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        profile, new = services.add_profile(
            person=Person.objects.get(pk=person.pk),
            network=data["network"],
            handle=data["handle"],
            by=user_of(request),
        )
        return f"{profile} was added." if new else f"{profile} was here already."

    @page_act("Tag", permission=CHANGE, icon="sell", form=TagsForm)
    def tag_one(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        added = services.tag([person.pk], tag_names(data["names"]), by=user_of(request))
        return f"{count(added, 'tag')} put on."

    @page_act("Set stage", permission=CHANGE, icon="flag", form=StageForm)
    def set_stage(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        services.set_stage(person, data["stage"], reason=data["reason"], by=user_of(request))
        return f"{person} is now: {person.get_stage_display().lower()}."

    @page_act("Archive", permission=CHANGE, icon="archive", explain="Nothing is deleted; it can be restored.")
    def archive(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        services.archive(person, by=user_of(request))
        return f"{person} is archived."

    @page_act("Restore", permission=CHANGE, icon="unarchive", explain="Out of the archive, as a lead.")
    def restore(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        services.restore(person, by=user_of(request))
        return f"{person} is a lead again."

    @page_act(
        "Suppress",
        permission=SUPPRESS,
        icon="block",
        explain=FOR_GOOD,
        form=NoForm,
        variant=ActionVariant.DANGER,
    )
    def suppress(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        done = consent.suppress_person(person_id=person.pk, by=user_of(request), **data_of(data))
        return f"{person} is suppressed; {count(done.addresses, 'address', 'addresses')} went on the list."

    @page_act(
        "Lift suppression", permission=LIFT, icon="undo", form=ReasonForm,
        explain="They may be written to again, because they asked for it. Say who asked and when.",
    )  # fmt: skip
    def lift_no(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        consent.lift(person=Person.objects.get(pk=person.pk), by=user_of(request), reason=data["reason"])
        return f"{person} may be written to again. What was cancelled stays cancelled."


class BulkActs:
    """Entries of the people lists' action menu."""

    actions = [
        "tag_many", "untag_many", "stage_many", "list_many", "merge_two", "export_many", "convert_many", "archive_many",
        "suppress_many",
    ]  # fmt: skip

    @bulk_act("Tag…", permission=CHANGE, form=TagsForm)
    def tag_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        names = tag_names(data["names"])
        added = sum(services.tag(ids, names, by=user_of(request)) for ids in chunked_ids(chosen))
        return f"{count(added, 'tag')} put on."

    @bulk_act("Remove tags…", permission=CHANGE, form=TagsForm)
    def untag_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        names = tag_names(data["names"])
        removed = sum(services.untag(ids, names, by=user_of(request)) for ids in chunked_ids(chosen))
        return f"{count(removed, 'tag')} taken off."

    @bulk_act("Set stage…", permission=CHANGE, form=StageForm)
    def stage_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        moved = sum(
            services.set_stage(person, data["stage"], reason=data["reason"], by=user_of(request))
            for person in people(chosen)
        )
        return f"{count(moved, 'person', 'people')} moved."

    @bulk_act("Put on a list…", permission="leads.change_personlist", form=ListForm)
    def list_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        added = sum(
            segments.add_to_list(data["list"], ids, by=user_of(request)) for ids in chunked_ids(chosen)
        )
        return f"{count(added, 'person', 'people')} put on {data['list']}."

    @bulk_act("Merge two…", permission="leads.add_merge")
    def merge_two(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[:3])
        if len(ids) != 2:
            raise ValueError("Choose exactly two people to merge.")
        page = reverse("admin:leads_duplicate_merge", args=ids)
        return show.link(page, "Look at both side by side and choose what stays.")

    @bulk_act("Export…", permission="leads.add_export", form=FormatForm)
    def export_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: exporting.MAX_IDS + 1])
        export = exporting.start_export(format=data["format"], choice={"ids": ids}, by=user_of(request))
        queue.enqueue("leads.jobs.run_export", export.pk)
        return show.link(show.admin_url(export), "The file is being written: follow it and fetch it here.")

    @bulk_act("Make contacts", permission=CHANGE)
    def convert_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        done = sum(services.convert_to_contact(person, by=user_of(request)) for person in people(chosen))
        return f"{count(done, 'person is a contact', 'people are contacts')} now."

    @bulk_act("Archive…", permission=CHANGE, explain="Nothing is deleted; they can be restored.")
    def archive_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        done = sum(services.archive(person, by=user_of(request)) for person in people(chosen))
        return f"{count(done, 'person', 'people')} archived."

    @bulk_act("Suppress…", permission=SUPPRESS, form=NoForm, explain=FOR_GOOD)
    def suppress_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        done = [
            consent.suppress_person(person_id=pk, by=user_of(request), **data_of(data))
            for ids in chunked_ids(chosen)
            for pk in ids
        ]
        newly = sum(len(one.newly) for one in done)
        return f"{count(newly, 'person', 'people')} suppressed, {len(done) - newly:,} were already."


def people(chosen: QuerySet[Person]) -> Any:
    """The chosen people, a few at a time; read whole, so that acting on them cannot shift the list."""
    for ids in chunked_ids(chosen):
        yield from Person.objects.filter(pk__in=ids)


def data_of(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a suppression, without the dialog's own."""
    return {"reason": data["reason"], "detail": data["detail"]}
