"""What acting adds to an account's page: its lane, why it waits, its last tasks, verifying again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.accounts import CHANGE, SECRETS
from accounts.models import Account
from automation import queries, services
from automation.admin import colours
from automation.admin.connecting import ConnectingAdmin
from automation.admin.mailboxes import MAIL_ACTS, MailboxActs
from automation.channels import registry
from automation.engine import rates
from automation.enums import Reason
from automation.models import Hold, Lane, Task
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import user_of
from outreach.lib.clock import database_now

LAST = 20

admin.site.unregister(Account)


@admin.register(Account)
class AccountAdmin(MailboxActs, ConnectingAdmin):
    list_display = (*ConnectingAdmin.list_display, "next_act")
    list_select_related = ("owner", "lane")
    actions_detail = [
        *ConnectingAdmin.actions_detail[:2],
        "verify",
        *MAIL_ACTS,
        *ConnectingAdmin.actions_detail[2:],
    ]
    change_form_outer_before_template = "admin/automation/account_before.html"
    change_form_outer_after_template = "admin/automation/account_after.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).select_related("owner", "lane")

    def offered(self, instance: Account) -> set[str]:
        return super().offered(instance) | {"verify"}

    def panels(self, request: HttpRequest, instance: Account) -> dict[str, Any]:
        running = Hold.objects.filter(Q(until__isnull=True) | Q(until__gt=Now()), lane_id=instance.pk)
        tasks = Task.objects.with_waiting().filter(lane_id=instance.pk).select_related("profile", "lane")
        lane = Lane.objects.filter(pk=instance.pk).first()
        return super().panels(request, instance) | {
            "signs_in": request.user.has_perm(SECRETS) and registry.oauth_of(instance.network) is not None,
            "lane": lane,
            "pace": rates.standing(lane, database_now()) if lane else None,
            "people_reason": Reason(lane.people_reason).label if lane and lane.people_reason else "",
            "holds": running.order_by("kind"),
            "last_tasks": [told(task) for task in tasks.order_by("-id")[:LAST]],
            "tasks_url": f"{reverse('admin:automation_task_changelist')}?lane__account__account_id__exact={instance.pk}",
        }

    @page_act(
        "Verify again", permission=CHANGE, icon="verified_user",
        explain="The network is asked who we are. A refusal puts the account in error.",
    )  # fmt: skip
    def verify(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        task = services.verify_account(account=account, by=user_of(request))
        return f"The network will be asked in a moment ({task})."

    @admin.display(description="Next", ordering="lane__next_at")
    def next_act(self, account: Account) -> str:
        """When its lane next has something to do."""
        lane = getattr(account, "lane", None)
        return show.when(lane.next_at if lane else None, none="nothing to do")


def told(task: Task) -> tuple[Task, str, str]:
    """A task, its state, and why it waits or ended so."""
    why = queries.waiting(task)
    return task, show.state(task, "state", colours.TASK), why.detail or (why.label if why.reason else "")
