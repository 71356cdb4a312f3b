"""The inbox: threads with people, answered by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, F, IntegerField, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter

from accounts.models import Account
from automation import queries
from automation.admin import colours
from automation.admin.filters import AccountNetworkFilter
from automation.conversations import answering, labels, services
from automation.enums import Direction, Interest, TaskState
from automation.models import Conversation, Message, Task
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, complaint, count, each, page_act
from outreach.lib.admin.base import Ledger, user_of
from outreach.lib.clock import database_now

ANSWER = "automation.change_conversation"
SHOWN = 200  # newest messages of a thread on its page
PUBLICLY = {"yes": True, "no": False}  # what the form says; nothing where there is no choice


class UnreadFilter(DropdownFilter):
    title = "unread"
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Unread only"), ("mine", "Assigned to me")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        if self.value() == "yes":
            return queryset.filter(unread__gt=0)
        return queryset.filter(assignee=user_of(request)) if self.value() == "mine" else queryset


class HandOverForm(ActForm):
    chat_account = forms.ModelChoiceField(Account.objects.none(), help_text="Who goes on talking.")

    def prepare(self) -> None:
        """Offer other accounts of the network, the linked chat accounts first."""
        talk = Conversation.objects.filter(pk=self.object_id).select_related("account").first()
        if talk is not None:
            others = (
                Account.objects.working().filter(network=talk.account.network).exclude(pk=talk.account_id)
            )
            linked = Case(
                When(source_accounts=talk.account_id, then=0), default=1, output_field=IntegerField()
            )
            self.fields["chat_account"].queryset = others.order_by(linked, "handle").distinct()


class AssignForm(ActForm):
    user = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="nobody")

    def prepare(self) -> None:
        """Offer staff."""
        self.fields["user"].queryset = User.objects.filter(is_active=True, is_staff=True).order_by("username")


class LabelFilter(DropdownFilter):
    title = "label"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in labels.known()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        return queryset.filter(labels__contains=[self.value()]) if self.value() else queryset


class LabelsForm(ActForm):
    labels = forms.CharField(
        required=False, max_length=1_500,
        help_text="Separated by commas. A conversation by mail is labelled in its mailbox too.",
    )  # fmt: skip

    def prepare(self) -> None:
        """Begin with those it has."""
        talk = Conversation.objects.filter(pk=self.object_id).first()
        if talk is not None:
            self.fields["labels"].initial = ", ".join(talk.labels)


class LabelForm(ActForm):
    label = forms.CharField(max_length=64)


class InterestForm(ActForm):
    interest = forms.ChoiceField(choices=Interest.choices)


@admin.register(Conversation)
class ConversationAdmin(Ledger):
    list_display = ("with_whom", "last_message", "interest_shown", "account_shown", "assignee", "last_at")
    list_filter = (
        UnreadFilter,
        ("interest", ChoicesDropdownFilter),
        LabelFilter,
        AccountNetworkFilter,
        ("account", AutocompleteSelectFilter),
        ("assignee", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "chat_account", "person", "profile", "assignee")
    search_fields = ("profile__handle", "person__display_name")
    search_help_text = "The person's name or handle"
    ordering = (
        Case(When(unread__gt=0, then=0), default=1, output_field=IntegerField()),
        F("last_message_at").desc(nulls_last=True),
        "-id",
    )
    actions = ["read_many", "assign_many", "interest_many", "label_many"]
    actions_detail = ["mark_read", "set_interest", "set_labels", "assign", "hand_over"]
    change_form_outer_before_template = "admin/automation/conversation_before.html"
    fields = (("account_shown", "assignee"), ("interest_shown", "handed_over_at"), "created_at")
    readonly_fields = ("account_shown", "interest_shown")
    empty_hint = "Conversations begin when a message goes out or somebody writes to one of your accounts."

    def get_urls(self) -> Any:
        answer = self.admin_site.admin_view(require_POST(self.answer))
        return [
            path("<int:object_id>/answer/", answer, name="automation_conversation_answer"),
            *super().get_urls(),
        ]

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """The last message of each listed thread, in one query."""
        newest = Message.objects.filter(conversation__in=[row.pk for row in rows])
        newest = newest.order_by("conversation_id", "-sent_at", "-id").distinct("conversation_id")
        last = {message.conversation_id: message for message in newest}
        for row in rows:
            row.last = last.get(row.pk)

    def offered(self, instance: Conversation) -> set[str]:
        acts = {"set_interest", "set_labels", "assign", "hand_over"}
        return acts | ({"mark_read"} if instance.unread else set())

    def panels(self, request: HttpRequest, instance: Conversation) -> dict[str, Any]:
        newest = instance.messages.order_by("-sent_at", "-id")[:SHOWN]
        person = instance.person
        may_answer = request.user.has_perm(ANSWER) and person.suppressed_at is None
        return {
            "thread": list(reversed(newest)),
            "waiting": waiting_answers(instance),
            "speaker": instance.chat_account or instance.account,
            "may_answer": may_answer,
            "ways": answering.ways(instance) if may_answer else [],
            "why_not": answering.why_not(instance) if may_answer else "",
            "person": person,
            "profile": instance.profile,
            "interest_badge": self.interest_shown(instance),
            "label_badges": label_badges(instance),
        }

    def answer(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Queue an answer typed on the thread's page."""
        if not request.user.has_perm(ANSWER):
            raise PermissionDenied
        conversation = self.get_object(request, str(object_id))
        if conversation is None:
            raise Http404("There is no such conversation.")
        try:
            answering.reply(
                conversation=conversation,
                text=request.POST.get("text", ""),
                by=user_of(request),
                publicly=PUBLICLY.get(request.POST.get("publicly", "")),
            )
        except (ValidationError, ValueError) as error:
            messages.error(request, complaint(error))
        else:
            messages.success(request, "The answer is on its way; it goes ahead of campaigns.")
        return HttpResponseRedirect(show.admin_url(conversation))

    @page_act("Mark read", permission=ANSWER, icon="mark_email_read")
    def mark_read(self, request: HttpRequest, conversation: Conversation, data: dict[str, Any]) -> str:
        services.mark_read(conversation=conversation, by=user_of(request))
        return "Nothing in it is new any more."

    @page_act("Interest", permission=ANSWER, icon="mood", form=InterestForm, submit="Set")
    def set_interest(self, request: HttpRequest, conversation: Conversation, data: dict[str, Any]) -> str:
        services.set_interest(conversation=conversation, interest=data["interest"], by=user_of(request))
        return f"Interest: {Interest(data['interest']).label.lower()}."

    @page_act("Labels", permission=ANSWER, icon="label", form=LabelsForm, submit="Set")
    def set_labels(self, request: HttpRequest, conversation: Conversation, data: dict[str, Any]) -> str:
        names = [name for name in data["labels"].split(",") if name.strip()]
        labels.set_labels(conversation=conversation, names=names, by=user_of(request))
        return f"Labels: {', '.join(conversation.labels) or 'none'}."

    @page_act("Assign", permission=ANSWER, icon="assignment_ind", form=AssignForm)
    def assign(self, request: HttpRequest, conversation: Conversation, data: dict[str, Any]) -> str:
        services.assign(conversation=conversation, user=data["user"], by=user_of(request))
        return f"Assigned to {data['user'] or 'nobody'}."

    @page_act(
        "Hand over", permission=ANSWER, icon="swap_horiz", form=HandOverForm,
        explain="Another account goes on talking; who found the person stays on record.",
    )  # fmt: skip
    def hand_over(self, request: HttpRequest, conversation: Conversation, data: dict[str, Any]) -> str:
        services.hand_over(conversation=conversation, chat_account=data["chat_account"], by=user_of(request))
        return f"{data['chat_account']} goes on talking."

    @bulk_act("Mark read", permission=ANSWER)
    def read_many(self, request: HttpRequest, chosen: QuerySet[Conversation], data: dict[str, Any]) -> str:
        done = each(
            request, list(chosen), lambda one: services.mark_read(conversation=one, by=user_of(request))
        )
        return f"{count(done, 'conversation is', 'conversations are')} read."

    @bulk_act("Assign…", permission=ANSWER, form=AssignForm)
    def assign_many(self, request: HttpRequest, chosen: QuerySet[Conversation], data: dict[str, Any]) -> str:
        done = each(
            request,
            list(chosen),
            lambda one: services.assign(conversation=one, user=data["user"], by=user_of(request)),
        )
        return f"{count(done, 'conversation')} assigned to {data['user'] or 'nobody'}."

    @bulk_act("Set interest…", permission=ANSWER, form=InterestForm)
    def interest_many(
        self, request: HttpRequest, chosen: QuerySet[Conversation], data: dict[str, Any]
    ) -> str:
        done = each(
            request, list(chosen),
            lambda one: services.set_interest(conversation=one, interest=data["interest"], by=user_of(request)),
        )  # fmt: skip
        return f"{count(done, 'conversation')} changed."

    @bulk_act("Add a label…", permission=ANSWER, form=LabelForm)
    def label_many(self, request: HttpRequest, chosen: QuerySet[Conversation], data: dict[str, Any]) -> str:
        done = each(
            request, list(chosen),
            lambda one: labels.add_label(conversation=one, name=data["label"], by=user_of(request)),
        )  # fmt: skip
        return f"{count(done, 'conversation')} labelled {data['label']}."

    @admin.display(description="With")
    def with_whom(self, conversation: Conversation) -> str:
        """The person, how much is new, and at which address."""
        name = show.badge(f"{conversation.unread} new", "blue") if conversation.unread else ""
        who = show.joined(str(conversation.person), name, *label_badges(conversation))
        return show.stacked(who, conversation.profile.handle)

    @admin.display(description="Last message")
    def last_message(self, conversation: Any) -> str:
        """How the last message begins."""
        last = conversation.last
        if last is None:
            return show.EMPTY
        return f"{'We: ' if last.direction == Direction.OUT else ''}{last.text[:90]}"

    @admin.display(description="Interest", ordering="interest")
    def interest_shown(self, conversation: Conversation) -> str:
        """What the messages say of their interest."""
        return show.state(conversation, "interest", colours.INTEREST) if conversation.interest else show.EMPTY

    @admin.display(description="Account", ordering="account")
    def account_shown(self, conversation: Conversation) -> str:
        """Who found them, and who talks with them now."""
        talks = f"handed over to {conversation.chat_account.handle}" if conversation.chat_account else ""
        return show.stacked(conversation.account, talks)

    @admin.display(description="Last", ordering="last_message_at")
    def last_at(self, conversation: Conversation) -> str:
        """When the last message was sent."""
        return show.when(conversation.last_message_at)


def label_badges(conversation: Conversation) -> list[str]:
    """Its labels."""
    return [show.badge(name, "grey") for name in conversation.labels]


def waiting_answers(conversation: Conversation) -> list[tuple[Task, queries.Waiting]]:
    """Answers that are on their way, and why they wait."""
    open_states = (TaskState.PENDING, TaskState.RUNNING, TaskState.UNKNOWN)
    tasks = Task.objects.filter(
        profile_id=conversation.profile_id, state__in=open_states, payload__conversation=conversation.pk
    )
    now = database_now()
    return [
        (task, queries.waiting(task, now))
        for task in tasks.with_waiting().select_related("lane").order_by("id")
    ]
