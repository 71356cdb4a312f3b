"""Posts, and where they are published."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import path
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.enums import ActionKind
from accounts.models import Account
from automation.admin import colours
from automation.admin.filters import AccountNetworkFilter
from automation.admin.post_images import PostImageInline, serve
from automation.channels import registry
from automation.content import services
from automation.enums import PostStatus, PublicationState
from automation.models import Post, Publication
from outreach.lib import networks
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, count, each, page_act
from outreach.lib.admin.base import Ledger, ModelAdmin, refusable, user_of

CHANGE, PUBLISH = "automation.change_post", "automation.change_publication"
WAITING_STATES = (
    PublicationState.DRAFT,
    PublicationState.PENDING_REVIEW,
    PublicationState.APPROVED,
    PublicationState.FAILED,
)


def publishing_accounts() -> QuerySet[Account]:
    """Accounts on networks that take posts."""
    able = [name for name in networks.names() if ActionKind.POST in registry.capabilities(name)]
    return Account.objects.filter(network__in=able).order_by("network", "handle")


FORM = ("text", ("link", "topic"), ("content_warning", "visibility"))


class PostForm(forms.ModelForm):
    accounts = forms.ModelMultipleChoiceField(
        Account.objects.none(),
        required=False,
        help_text="Where it is meant to go. Nothing is published before you schedule it.",
    )

    class Meta:
        model = Post
        fields = services.FIELDS


class ScheduleForm(ActForm):
    accounts = forms.ModelMultipleChoiceField(Account.objects.none(), help_text="One publication on each.")
    at = forms.DateTimeField(
        required=False, label="When (UTC)", help_text="Empty: now.",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )  # fmt: skip

    def prepare(self) -> None:
        """Offer accounts that can publish, those it is meant for chosen already."""
        field = self.fields["accounts"]
        field.queryset = publishing_accounts()
        waiting = Publication.objects.filter(post_id=self.object_id, state__in=WAITING_STATES)
        field.initial = list(waiting.values_list("account_id", flat=True)) if self.object_id else []


class RejectForm(ActForm):
    reason = forms.CharField(max_length=500, required=False)


@admin.register(Post)
class PostAdmin(ModelAdmin):
    form = PostForm
    list_display = ("text_short", "status_shown", "where", "topic", "created_by", "created_at")
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", RangeDateFilter))
    list_select_related = ("created_by",)
    search_fields = ("text", "topic")
    search_help_text = "Words of the text or the topic"
    ordering = ("-id",)
    actions = ["approve_many", "submit_many"]
    actions_detail = ["submit", "approve", "schedule", "reject"]
    change_form_outer_before_template = "admin/automation/post_before.html"
    inlines = (PostImageInline,)
    fieldsets = ((None, {"fields": FORM}),)
    add_fieldsets = ((None, {"fields": (*FORM, "accounts")}),)
    empty_hint = (
        "A post is written once and published on as many accounts as you like, after somebody approved it."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        out = Count("publications", filter=Q(publications__state=PublicationState.PUBLISHED))
        return super().get_queryset(request).annotate(planned=Count("publications"), published=out)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None and "accounts" in form.base_fields:
            form.base_fields["accounts"].queryset = publishing_accounts()
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Post | None = None) -> tuple[str, ...]:
        """What somebody approved is not changed behind their back."""
        return services.FIELDS if obj and obj.status == PostStatus.APPROVED else ()

    def offered(self, instance: Post) -> set[str]:
        acts = {
            PostStatus.DRAFT: {"submit", "approve"},
            PostStatus.PENDING_REVIEW: {"approve", "reject"},
            PostStatus.APPROVED: {"schedule", "reject"},
        }
        return acts[PostStatus(instance.status)]

    def save_model(self, request: HttpRequest, obj: Post, form: Any, change: bool) -> None:
        """Through the services; a new one is a draft."""
        data = form.cleaned_data
        own = {name: data[name] for name in services.FIELDS if name in data}
        with refusable():
            if change:
                services.update_post(post=obj, by=user_of(request), **own)
            else:
                obj.pk = services.create_post(by=user_of(request), accounts=data["accounts"], **own).pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The pictures, through their services; everything else is written already."""
        for formset in formsets:
            with refusable():
                formset.apply(form.instance, user_of(request))

    def get_urls(self) -> Any:
        picture = self.admin_site.admin_view(serve)
        return [
            path("<int:post_id>/image/<int:image_id>/", picture, name="automation_post_image"),
            *super().get_urls(),
        ]

    def panels(self, request: HttpRequest, instance: Post) -> dict[str, Any]:
        publications = instance.publications.select_related("account", "task").order_by("-id")
        return {
            "status_badge": self.status_shown(instance),
            "publications": [(one, show.state(one, "state", colours.PUBLICATION)) for one in publications],
        }

    @page_act(
        "Submit for review", permission=CHANGE, icon="rate_review", explain="Somebody is asked to approve it."
    )
    def submit(self, request: HttpRequest, post: Post, data: dict[str, Any]) -> str:
        services.submit(post=post, by=user_of(request))
        return "It waits for approval."

    @page_act(
        "Approve", permission=CHANGE, icon="check", variant=ActionVariant.SUCCESS,
        explain="You answer for it: from now on it may be scheduled.",
    )  # fmt: skip
    def approve(self, request: HttpRequest, post: Post, data: dict[str, Any]) -> str:
        services.approve(post=post, by=user_of(request))
        return "Approved. It is published when you schedule it."

    @page_act(
        "Reject",
        permission=CHANGE,
        icon="undo",
        form=RejectForm,
        explain="Back to draft; what was scheduled is taken back.",
    )
    def reject(self, request: HttpRequest, post: Post, data: dict[str, Any]) -> str:
        services.reject(post=post, by=user_of(request), reason=data["reason"])
        return "It is a draft again."

    @page_act(
        "Schedule", permission=PUBLISH, icon="schedule_send", form=ScheduleForm, variant=ActionVariant.PRIMARY
    )
    def schedule(self, request: HttpRequest, post: Post, data: dict[str, Any]) -> str:
        done = each(
            request, list(data["accounts"]),
            lambda account: services.schedule(post=post, account=account, at=data["at"], by=user_of(request)),
        )  # fmt: skip
        return f"{count(done, 'publication')} scheduled."

    @bulk_act("Approve", permission=CHANGE)
    def approve_many(self, request: HttpRequest, chosen: QuerySet[Post], data: dict[str, Any]) -> str:
        done = each(request, list(chosen), lambda post: services.approve(post=post, by=user_of(request)))
        return f"{count(done, 'post')} approved."

    @bulk_act("Submit for review", permission=CHANGE)
    def submit_many(self, request: HttpRequest, chosen: QuerySet[Post], data: dict[str, Any]) -> str:
        done = each(request, list(chosen), lambda post: services.submit(post=post, by=user_of(request)))
        return f"{count(done, 'post waits', 'posts wait')} for approval."

    @admin.display(description="Post", ordering="text")
    def text_short(self, post: Post) -> str:
        """How it begins."""
        return post.text[:90] + ("…" if len(post.text) > 90 else "")

    @admin.display(description="Status", ordering="status")
    def status_shown(self, post: Post) -> str:
        """The status in its colour."""
        return show.state(post, "status", colours.POST)

    @admin.display(description="Published")
    def where(self, post: Any) -> str:
        """On how many of its accounts it is out."""
        return f"{post.published} of {count(post.planned, 'account')}" if post.planned else show.EMPTY


@admin.register(Publication)
class PublicationAdmin(Ledger):
    list_display = (
        "post_shown",
        "account",
        "state_shown",
        "scheduled",
        "published_at",
        "likes",
        "reposts",
        "replies",
        "views",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        AccountNetworkFilter,
        ("account", AutocompleteSelectFilter),
        ("published_at", RangeDateFilter),
    )
    list_select_related = ("post", "account")
    search_fields = ("post__text", "remote_id")
    search_help_text = "Words of the post, or the network's id of it"
    ordering = ("-id",)
    actions = ["unschedule_many"]
    actions_detail = ["unschedule"]
    change_form_outer_after_template = "admin/automation/publication_after.html"
    fields = (
        ("post_shown", "account", "state_shown"),
        ("scheduled_at", "published_at", "page"),
        "detail",
        ("likes", "reposts", "replies", "views"),
        ("metrics_at", "metrics_due_at", "task_shown"),
    )
    readonly_fields = ("post_shown", "state_shown", "page", "task_shown")
    empty_hint = "Publications appear when an approved post is scheduled."
    empty_link = ("admin:automation_post_changelist", "Go to posts")

    def offered(self, instance: Publication) -> set[str]:
        return {"unschedule"} if instance.state == PublicationState.SCHEDULED else set()

    def panels(self, request: HttpRequest, instance: Publication) -> dict[str, Any]:
        return {"measurements": instance.measurements.order_by("-at")[:30]}

    @page_act(
        "Unschedule",
        permission=PUBLISH,
        icon="event_busy",
        explain="It is taken back, unless it is on its way already.",
    )
    def unschedule(self, request: HttpRequest, publication: Publication, data: dict[str, Any]) -> str:
        services.unschedule(publication=publication, by=user_of(request))
        return "It is no longer scheduled."

    @bulk_act("Unschedule", permission=PUBLISH)
    def unschedule_many(
        self, request: HttpRequest, chosen: QuerySet[Publication], data: dict[str, Any]
    ) -> str:
        done = each(
            request, list(chosen), lambda one: services.unschedule(publication=one, by=user_of(request))
        )
        return f"{count(done, 'publication')} taken back."

    @admin.display(description="Post")
    def post_shown(self, publication: Publication) -> str:
        """What is published."""
        return show.to(publication.post)

    @admin.display(description="State", ordering="state")
    def state_shown(self, publication: Publication) -> str:
        """The state in its colour, with its reason."""
        return show.stacked(show.state(publication, "state", colours.PUBLICATION), publication.detail)

    @admin.display(description="Scheduled", ordering="scheduled_at")
    def scheduled(self, publication: Publication) -> str:
        """When it is meant to go out."""
        return show.when(publication.scheduled_at)

    @admin.display(description="Page")
    def page(self, publication: Publication) -> str:
        """Where the network shows it."""
        return show.link(publication.url, publication.url) if publication.url else show.EMPTY

    @admin.display(description="Task")
    def task_shown(self, publication: Publication) -> str:
        """The act that publishes it."""
        return show.to(publication.task)
