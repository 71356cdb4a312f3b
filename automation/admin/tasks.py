"""The ledger of acts: read, never edited; what may be done with a task is an act."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path
from django.views.decorators.http import require_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.enums import ActionVariant

from automation import queries
from automation.admin import colours, proofs
from automation.admin.filters import AttentionFilter, LaneNetworkFilter, ReasonFilter
from automation.admin.task_story import links, story, with_units
from automation.engine import outcomes
from automation.engine import tasks as ledger
from automation.enums import Priority, Reason, TaskState
from automation.models import Task
from leads.models import Profile
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, chunked_ids, count, each, page_act
from outreach.lib.admin.base import Ledger, user_of
from outreach.lib.clock import database_now

OPERATE = "automation.change_task"


class PriorityForm(ActForm):
    priority = forms.TypedChoiceField(choices=Priority.choices, coerce=int, initial=Priority.HIGH)


class CancelForm(ActForm):
    detail = forms.CharField(max_length=500, required=False, label="Why", help_text="Shown with the task.")


@admin.register(Task)
class TaskAdmin(Ledger):
    list_display = (
        "number",
        "state_shown",
        "account_shown",
        "target",
        "waits",
        "next_shown",
        "attempt_count",
        "created",
    )
    list_filter = (
        AttentionFilter,
        ("state", ChoicesDropdownFilter),
        ReasonFilter,
        ("kind", ChoicesDropdownFilter),
        LaneNetworkFilter,
        ("lane__account", AutocompleteSelectFilter),
        ("campaign", AutocompleteSelectFilter),
        ("priority", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("lane__account", "profile", "person", "campaign")
    search_fields = ("send_id",)
    search_help_text = "Send id, how a dedupe key begins, a task's number, or the target's handle"
    ordering = ("-id",)
    actions = ["cancel_many", "retry_many", "priority_many", "confirm_many", "deny_many"]
    actions_detail = [
        "took_place",
        "did_not",
        "retry",
        {"title": "More", "items": ["set_priority", "cancel"]},
    ]
    change_form_outer_before_template = "admin/automation/task_before.html"
    fieldsets = (("Keys", {"fields": (("send_id", "dedupe_key"), ("remote_id", "page"), "payload_shown")}),)
    readonly_fields = ("page", "payload_shown")
    empty_hint = "Tasks are written by campaigns, replies, posts and sources. Start a campaign to see some."
    empty_link = ("admin:automation_campaign_changelist", "Go to campaigns")

    def get_urls(self) -> Any:
        proof = self.admin_site.admin_view(require_safe(proofs.serve))
        return [
            path("<int:object_id>/proof/<int:proof_id>/", proof, name="automation_task_proof"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        rows = super().get_queryset(request).with_waiting()
        return rows.select_related("lane__account", "profile", "person", "campaign")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """Each way of searching is one indexed lookup, and they are united by key."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        plain = Task.objects.order_by()
        found = plain.filter(dedupe_key__startswith=term).values("pk")
        profiles = Profile.objects.filter(handle__icontains=term.removeprefix("@")).order_by().values("pk")
        found = found.union(plain.filter(profile__in=profiles).values("pk"))
        if term.isdecimal() and len(term) < 19:
            found = found.union(plain.filter(pk=int(term)).values("pk"))
        if send_id := as_uuid(term):
            found = found.union(plain.filter(send_id=send_id).values("pk"))
        return queryset.filter(pk__in=found), False

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        now = database_now()
        for task in rows:
            task.why = queries.waiting(task, now)

    def offered(self, instance: Task) -> set[str]:
        if instance.state == TaskState.UNKNOWN:
            return {"took_place", "did_not"}
        if instance.state == TaskState.PENDING:
            return {"cancel", "set_priority"}
        if instance.state == TaskState.RUNNING:
            return {"cancel"}
        return {"retry"} if instance.state in (TaskState.FAILED, TaskState.CANCELLED) else set()

    def panels(self, request: HttpRequest, instance: Task) -> dict[str, Any]:
        attempts = list(instance.attempts.order_by("number"))
        return {
            "why": queries.waiting(instance),
            "state_badge": show.state(instance, "state", colours.TASK),
            "attempts": [story(attempt, units) for attempt, units in with_units(attempts)],
            "links": list(links(instance)),
            "proofs": list(proofs.shown(instance, request)),
            "text": instance.payload.get("text", ""),
            "subject": instance.payload.get("subject", ""),
        }

    @page_act(
        "It took place", permission=OPERATE, icon="check", variant=ActionVariant.SUCCESS,
        explain="You looked at the network and the act is there. It counts as done and is never sent again.",
    )  # fmt: skip
    def took_place(self, request: HttpRequest, task: Task, data: dict[str, Any]) -> str:
        outcomes.decide(task, took_place=True, by=user_of(request))
        return "Recorded: it took place."

    @page_act(
        "It did not", permission=OPERATE, icon="close", variant=ActionVariant.WARNING,
        explain="You looked at the network and the act is not there. It counts as failed; you may run it again afterwards.",
    )  # fmt: skip
    def did_not(self, request: HttpRequest, task: Task, data: dict[str, Any]) -> str:
        outcomes.decide(task, took_place=False, by=user_of(request))
        return "Recorded: it did not take place. It can be run again."

    @page_act(
        "Run again", permission=OPERATE, icon="replay", variant=ActionVariant.PRIMARY,
        explain="It is due at once, under its old send id; limits and consent apply as ever.",
    )  # fmt: skip
    def retry(self, request: HttpRequest, task: Task, data: dict[str, Any]) -> str:
        ledger.retry(task, by=user_of(request))
        return "It is due now."

    @page_act("Cancel", permission=OPERATE, icon="cancel", form=CancelForm, variant=ActionVariant.DANGER)
    def cancel(self, request: HttpRequest, task: Task, data: dict[str, Any]) -> str:
        if not ledger.cancel([task.pk], reason=Reason.BY_HAND, detail=data["detail"], by=user_of(request)):
            raise ValueError("It is on its way already: a started act is not recalled.")
        return "The task is cancelled."

    @page_act("Set priority", permission=OPERATE, icon="priority_high", form=PriorityForm)
    def set_priority(self, request: HttpRequest, task: Task, data: dict[str, Any]) -> str:
        ledger.reprioritise([task.pk], priority=data["priority"], by=user_of(request))
        return f"Its priority is {Priority(data['priority']).label.lower()}."

    @bulk_act("Cancel…", permission=OPERATE, form=CancelForm, explain="What has started is not recalled.")
    def cancel_many(self, request: HttpRequest, chosen: QuerySet[Task], data: dict[str, Any]) -> str:
        done = sum(
            ledger.cancel(ids, reason=Reason.BY_HAND, detail=data["detail"], by=user_of(request))
            for ids in chunked_ids(chosen)
        )
        return f"{count(done, 'task')} cancelled."

    @bulk_act("Run again", permission=OPERATE)
    def retry_many(self, request: HttpRequest, chosen: QuerySet[Task], data: dict[str, Any]) -> str:
        again = plain(chosen, state__in=(TaskState.FAILED, TaskState.CANCELLED))
        done = each(request, again, lambda task: ledger.retry(task, by=user_of(request)))
        return f"{count(done, 'task is', 'tasks are')} due again."

    @bulk_act("Set priority…", permission=OPERATE, form=PriorityForm)
    def priority_many(self, request: HttpRequest, chosen: QuerySet[Task], data: dict[str, Any]) -> str:
        done = sum(
            ledger.reprioritise(ids, priority=data["priority"], by=user_of(request))
            for ids in chunked_ids(chosen)
        )
        return f"{count(done, 'task')} got another priority."

    @bulk_act(
        "It took place…", permission=OPERATE, explain="You looked at the network and these acts are there."
    )
    def confirm_many(self, request: HttpRequest, chosen: QuerySet[Task], data: dict[str, Any]) -> str:
        return self._decide_many(request, chosen, took_place=True)

    @bulk_act(
        "It did not…", permission=OPERATE, explain="You looked at the network and these acts are not there."
    )
    def deny_many(self, request: HttpRequest, chosen: QuerySet[Task], data: dict[str, Any]) -> str:
        return self._decide_many(request, chosen, took_place=False)

    def _decide_many(self, request: HttpRequest, chosen: QuerySet[Task], *, took_place: bool) -> str:
        unclear = plain(chosen, state=TaskState.UNKNOWN)
        done = each(
            request, unclear, lambda task: outcomes.decide(task, took_place=took_place, by=user_of(request))
        )
        return f"{count(done, 'unclear task')} settled."

    @admin.display(description="Task", ordering="id")
    def number(self, task: Task) -> str:
        """What it does, its number and its campaign."""
        return show.stacked(task, task.campaign or "")

    @admin.display(description="State", ordering="state")
    def state_shown(self, task: Task) -> str:
        """The state in its colour."""
        return show.state(task, "state", colours.TASK)

    @admin.display(description="Account")
    def account_shown(self, task: Task) -> str:
        """Which account acts."""
        return show.stacked(task.lane.account.handle, task.lane.network)

    @admin.display(description="Whom")
    def target(self, task: Task) -> str:
        """The profile it is about."""
        return show.stacked(task.profile.handle, task.person or "") if task.profile else show.EMPTY

    @admin.display(description="Why")
    def waits(self, task: Any) -> str:
        """Why it waits, or why it ended as it did."""
        why = task.why
        return (
            show.stacked(why.label, why.detail)
            if why.reason or task.state == TaskState.PENDING
            else show.EMPTY
        )

    @admin.display(description="Next")
    def next_shown(self, task: Any) -> str:
        """When it may run, or when it ended."""
        if task.finished_at:
            return show.when(task.finished_at)
        return show.when(
            task.why.next_at, none="–" if task.state == TaskState.RUNNING else "until something changes"
        )

    @admin.display(description="Created", ordering="created_at")
    def created(self, task: Task) -> str:
        """When it was written."""
        return show.when(task.created_at)

    @admin.display(description="Page")
    def page(self, task: Task) -> str:
        """Where the network shows what was done."""
        return show.link(task.url, task.url) if task.url else show.EMPTY

    @admin.display(description="Payload")
    def payload_shown(self, task: Task) -> str:
        """What it carries."""
        return show.json(task.payload)


def as_uuid(text: str) -> uuid.UUID | None:
    """``text`` as a UUID, if it is one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def plain(chosen: QuerySet[Task], **conditions: Any) -> list[Task]:
    """The chosen tasks that fit, without the annotations of the list."""
    return [task for ids in chunked_ids(chosen) for task in Task.objects.filter(pk__in=ids, **conditions)]
