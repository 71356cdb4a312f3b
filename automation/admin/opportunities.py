"""Posts of the last day one could reply to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant

from accounts.models import Account
from automation.admin.filters import NetworkFilter
from automation.discovery import services
from automation.enums import OpportunityState
from automation.models import Opportunity
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, chunked_ids, count, page_act
from outreach.lib.admin.base import Ledger, user_of

CHANGE = "automation.change_opportunity"
STATES = {
    OpportunityState.OPEN: "green",
    OpportunityState.TAKEN: "blue",
    OpportunityState.REPLIED: "blue",
    OpportunityState.FAILED: "red",
}


class ReplyForm(ActForm):
    account = forms.ModelChoiceField(Account.objects.none(), help_text="Who replies.")
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 5}), help_text="Public, below the post.")

    def prepare(self) -> None:
        """Offer working accounts of the post's network."""
        network = Opportunity.objects.filter(pk=self.object_id).values("network")[:1]
        self.fields["account"].queryset = Account.objects.working().filter(network__in=network)


@admin.register(Opportunity)
class OpportunityAdmin(Ledger):
    # The post is not first: what leads to the row is cut to one line on narrow screens.
    list_display = (
        "who",
        "post_shown",
        "network",
        "topics_shown",
        "score",
        "posted",
        "until",
        "state_shown",
    )
    list_filter = (("state", ChoicesDropdownFilter), NetworkFilter)
    list_select_related = ("post", "profile")
    search_fields = ("profile__handle",)
    search_help_text = "The author's handle"
    ordering = ("-id",)
    actions = ["dismiss_many"]
    actions_detail = ["reply", "dismiss"]
    fields = (
        "text", ("author", "state_shown"), ("topics_shown", "score"), ("posted", "until"), ("comments", "task_shown"),
        "detail",
    )  # fmt: skip
    readonly_fields = (
        "text",
        "author",
        "state_shown",
        "topics_shown",
        "posted",
        "until",
        "comments",
        "task_shown",
    )
    empty_hint = "Fresh posts on your topics, by people who may fit. Say in the network's discovery plan how many are wanted."
    empty_link = ("admin:automation_discoveryplan_changelist", "Go to discovery plans")

    def offered(self, instance: Opportunity) -> set[str]:
        return {"reply", "dismiss"} if instance.state == OpportunityState.OPEN else set()

    @page_act(
        "Reply", permission=CHANGE, icon="reply", variant=ActionVariant.PRIMARY, form=ReplyForm, submit="Send",
        explain="Sent once, within the account's limits and sending window.",
    )  # fmt: skip
    def reply(self, request: HttpRequest, opportunity: Opportunity, data: dict[str, Any]) -> str:
        account, text = data["account"], data["text"]
        task = services.reply(opportunity=opportunity, account=account, text=text, by=user_of(request))
        return show.joined("Your reply is on its way:", show.link(show.admin_url(task), task))

    @page_act("Dismiss", permission=CHANGE, icon="close", explain="It is not offered again.")
    def dismiss(self, request: HttpRequest, opportunity: Opportunity, data: dict[str, Any]) -> str:
        return "Dismissed." if services.dismiss([opportunity.pk], by=user_of(request)) else ""

    @bulk_act("Dismiss", permission=CHANGE)
    def dismiss_many(self, request: HttpRequest, chosen: QuerySet[Opportunity], data: dict[str, Any]) -> str:
        done = sum(services.dismiss(ids, by=user_of(request)) for ids in chunked_ids(chosen))
        return f"{count(done, 'post')} dismissed."

    @admin.display(description="Post")
    def post_shown(self, opportunity: Opportunity) -> str:
        """The start of it."""
        words = " ".join(opportunity.post.text.split())
        return words[:120] + ("…" if len(words) > 120 else "") or show.EMPTY

    @admin.display(description="Post")
    def text(self, opportunity: Opportunity) -> str:
        """All of it, with the way to it."""
        way = show.link(opportunity.post.url, "Open it") if opportunity.post.url else ""
        return show.joined(opportunity.post.text, way)

    @admin.display(description="By", ordering="profile__handle")
    def who(self, opportunity: Opportunity) -> str:
        """Who wrote it; the way to the row."""
        return opportunity.profile.handle

    @admin.display(description="By")
    def author(self, opportunity: Opportunity) -> str:
        """Who wrote it."""
        return show.to(opportunity.profile, opportunity.profile.handle)

    @admin.display(description="Topics")
    def topics_shown(self, opportunity: Opportunity) -> str:
        """What it is about, of what we look for."""
        return show.joined(*(show.badge(topic) for topic in opportunity.topics[:4])) or show.EMPTY

    @admin.display(description="Posted", ordering="post__posted_at")
    def posted(self, opportunity: Opportunity) -> str:
        """How long ago."""
        return show.when(opportunity.post.posted_at)

    @admin.display(description="Until", ordering="expires_at")
    def until(self, opportunity: Opportunity) -> str:
        """When it is too old."""
        return show.when(opportunity.expires_at)

    @admin.display(description="Comments")
    def comments(self, opportunity: Opportunity) -> str:
        """How many it had when it was seen."""
        known = opportunity.post.comments
        return show.EMPTY if known is None else f"{known:,}"

    @admin.display(description="State", ordering="state")
    def state_shown(self, opportunity: Opportunity) -> str:
        """Its state in its colour."""
        return show.state(opportunity, "state", STATES, title=opportunity.detail)

    @admin.display(description="Reply")
    def task_shown(self, opportunity: Opportunity) -> str:
        """The act."""
        return show.to(opportunity.task) if opportunity.task_id else show.EMPTY
